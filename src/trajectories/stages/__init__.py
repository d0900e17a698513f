"""What dvc.yaml runs: each stage reads files, calls domain code and writes labelled files."""
