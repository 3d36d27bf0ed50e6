#!/bin/sh
# The way of a student with an assignment: three experiments, and their reports as PDF files to hand in.
#
#     docs/paths/student.sh [FOLDER]
#
# FOLDER is where everything is written, new or empty; without one it is a temporary folder, which is removed
# at the end. Takes about half a minute on two processor cores and needs no GPU, no data and no Python. `make paths` runs
# it, and so does the continuous integration: it fails where a page is missing or does not print.
#
#     GPU_TRAIN   the program, if it is not `gpu-train` on the path
#     CHROMIUM    the browser that prints, if it has another name than those below
set -eu

program=${GPU_TRAIN:-gpu-train}

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'student.sh: %s\n' "$*" >&2; exit 1; }

if [ $# -gt 0 ]; then
    folder=$1
    mkdir -p "$folder"
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi

# 1. Train. Each command is one experiment of the assignment:
#
#      mlp-lr        an mlp with a large, a small and a very small learning rate
#      cnn           a cnn of three convolutions
#      depth-width   a deep and two shallow nets beside it
#
#    --quick trains for 3 epochs, on digits that the program draws itself. For your own results omit it, and
#    give the real pictures: `gpu-train fetch svhn`, and then --data svhn. --seed 0,1,2 trains each net three times,
#    which tells a difference from luck. --device cpu is for this script: without it the GPU is taken, if there is one.
for experiment in mlp-lr cnn depth-width; do
    say "experiment $experiment"
    "$program" experiment "$experiment" --quick --device cpu --no-progress --out "$folder/$experiment"
done

# 2. Look. Each experiment has left a page (its question, what came out, the figures, a table of its runs) and every
#    run in it has a page of its own. They are single files that load nothing: open them in any browser (--open
#    does it at once), copy them, send them.
for experiment in mlp-lr cnn depth-width; do
    page=$folder/$experiment/report.html
    [ -s "$page" ] || fail "$page is missing"
    runs=$(find "$folder/$experiment" -mindepth 2 -maxdepth 2 -name report.html | wc -l)
    [ "$runs" -gt 0 ] || fail "no run of $experiment has a page"
    say "$page, and $((runs)) pages of runs"
done

# 3. Print. A browser's "print to PDF" gives white pages with two figures each. A Chromium does it without a window:
for name in "${CHROMIUM:-}" google-chrome-stable google-chrome chromium chromium-browser; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
        browser=$name
        break
    fi
done
if [ -z "${browser:-}" ]; then
    say "no Chromium is installed: nothing is printed"
    exit 0
fi

# print_page PAGE FILE: a PDF of a page; fails where it has none, or far more than there is to show.
print_page() {
    # --no-sandbox, since in a container, and for root, there is none to be had; the page is our own.
    "$browser" --headless --no-sandbox --disable-gpu --no-pdf-header-footer --user-data-dir="$folder/browser" \
        --print-to-pdf="$2" "file://$1" >"$folder/browser.log" 2>&1 || {
        cat "$folder/browser.log" >&2
        fail "$browser could not print $1"
    }
    if command -v pdfinfo >/dev/null 2>&1; then
        pages=$(pdfinfo "$2" | awk '/^Pages:/ { print $2 }')
    else
        # A page of a PDF is an object of this type; the tree that holds all of them is of type /Pages.
        pages=$(LC_ALL=C grep -a -o '/Type */Page\([^s]\|$\)' "$2" | wc -l)
    fi
    [ "$pages" -ge 2 ] && [ "$pages" -le 12 ] || fail "$2 has $((pages)) pages; 2 to 12 were expected"
    say "$2: $((pages)) pages"
}

absolute=$(cd "$folder" && pwd)
for experiment in mlp-lr cnn depth-width; do
    print_page "$absolute/$experiment/report.html" "$absolute/$experiment.pdf"
done
# One of the runs, with its predictions, for the appendix.
print_page "$absolute/cnn/cnn/report.html" "$absolute/cnn-run.pdf"
rm -rf "$folder/browser" "$folder/browser.log"
