"""The HTML page around a table of generated texts: self-contained, legible in print and on a small screen."""

from string import Template

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title: one prompt, every configuration</title>
<style>
:root { color-scheme: light; }
body { margin: 2.5rem auto; padding: 0 1.5rem; max-width: 84rem; background: #fff; color: #222;
  font: 16px/1.5 Georgia, "Times New Roman", serif; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .4rem; }
.about, th { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #444; }
.about { font-size: .875rem; max-width: 46rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.given, td { white-space: pre-wrap; overflow-wrap: anywhere; }
.given { margin: 0 0 1.2rem; padding: .4rem .8rem; border-left: 3px solid #888; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; min-width: 40rem;
  border-top: 2px solid #222; border-bottom: 2px solid #222; }
th { font-size: .875rem; text-align: left; font-weight: 600; padding: .5rem .9rem .5rem .2rem;
  vertical-align: top; white-space: nowrap; }
th i { font-family: Georgia, "Times New Roman", serif; }
thead td { width: 7.5rem; }
td { font-size: .92rem; line-height: 1.55; vertical-align: top; padding: .45rem 1.2rem .45rem .2rem; }
tr + tr > *, tbody tr:first-child > * { border-top: 1px solid #ccc; }
tbody tr:last-child > * { border-top: 1px solid #222; }
td i, .given i { font-style: normal; opacity: .5; }
td b { color: #8f2d00; background: #fde3d3; border-radius: .15em; padding: 0 .15em; font-weight: 600; }
@media print { body { margin: 0; max-width: none; print-color-adjust: exact; } }
</style>
</head>
<body>
<main>
<h1>$title. One prompt, every configuration</h1>
<p class="about">$about</p>
<p class="given">$given</p>
<div class="scroll">
<table>
<thead>
<tr><td></td>$header</tr>
</thead>
<tbody>
$body
</tbody>
</table>
</div>
</main>
</body>
</html>
""")
