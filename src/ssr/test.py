"""`python -m ssr.test -opt X.yml`, as published."""

from ssr.cli import published
from ssr.cli.output import run_reporting

if __name__ == "__main__":
    run_reporting(published.test)
