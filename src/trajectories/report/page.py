"""The HTML page around Table 3: self-contained, legible without colour, in print and in the dark."""

from string import Template

# Text has a contrast of at least 4.5:1 on its background; blue, vermilion and bluish green stay apart for
# colour-blind readers (Okabe and Ito), and each category has its own underline besides.
PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Table 3: a passage, its tokens coloured by trend</title>
<style>
:root { color-scheme: light; }
body { margin: 2.5rem auto; padding: 0 1.5rem; max-width: 78rem; background: #fff; color: #222;
  font: 16px/1.5 Georgia, "Times New Roman", serif; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .4rem; }
h2 { font-size: 1.02rem; margin: 0 0 .2rem; }
.about, .counts, .legend { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #444; }
.about { font-size: .875rem; max-width: 46rem; margin: 0 0 1rem; }
.counts { font-size: .8125rem; margin: 0 0 .7rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; padding: 0; margin: 0 0 1.6rem;
  font-size: .875rem; }
.legend li { padding: 0 .25em; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 2rem 2.75rem; }
.text { margin: 0; font-size: .95rem; line-height: 1.75; white-space: pre-wrap; overflow-wrap: anywhere; }
.text i { font-style: normal; opacity: .55; }
.stagnated, .upward, .downward { text-underline-offset: .22em; text-decoration-skip-ink: none; }
.stagnated, .upward { border-radius: .15em; }
.stagnated { color: #0a4a94; background: #e2eefb; text-decoration: underline double 1px; }
.upward { color: #8f2d00; background: #fde3d3; text-decoration: underline solid 2.5px; font-weight: 600; }
.downward { color: #00604a; text-decoration: underline dotted 1.5px; }
.absent { color: #6b6b6b; font-style: italic; }
.text span:hover { outline: 1px solid #222; }
@media print { body { margin: 0; max-width: none; print-color-adjust: exact; } }
</style>
</head>
<body>
<main>
<h1>Table 3. A passage, its tokens coloured by trend</h1>
<p class="about">The first $tokens scored tokens of the held-out document <b>$document</b> (domain: $domain).
Trends are fitted from $start % of training on. Dots are spaces, ↵ is a line break. Point at a token
to see its position, slope and p-value.</p>
<ul class="legend">
$legend
</ul>
<div class="columns">
$columns
</div>
</main>
</body>
</html>
""")
