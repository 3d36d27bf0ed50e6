#!/usr/bin/env bash
# An engineer's path: pictures of one's own with prices in labels.csv, to predictions in the same units.
#
#     docs/paths/engineer.sh
#
# It draws the pictures itself: grey squares of noise, whose price is 400,000 times their brightness. Continuous
# integration runs it on the processor; it takes a few seconds. Everything is written into a temporary folder.
#
#     GPU_TRAIN   the program, if it is not `gpu-train` on the path
set -euo pipefail

gpu_train=$(realpath "$(command -v "${GPU_TRAIN:-gpu-train}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# 1. The data: a folder with train/ and test/, in each pictures and a labels.csv with the columns file and target.
#    (PGM is the simplest format of all; PNG, JPEG and others are read as well.)
draw() { # draw FOLDER COUNT SEED
    mkdir -p "$1"
    awk -v folder="$1" -v count="$2" -v seed="$3" 'BEGIN {
        srand(seed)
        labels = folder "/labels.csv"
        print "file,target" > labels
        for (i = 0; i < count; i++) {
            name = sprintf("house-%04d.pgm", i)
            file = folder "/" name
            brightness = 0.1 + 0.8 * rand()
            print "P2 16 16 255" > file
            for (pixel = 0; pixel < 256; pixel++)
                printf "%d\n", 255 * (brightness + 0.1 * (rand() - 0.5)) + 0.5 > file
            close(file)
            printf "%s,%.0f\n", name, 400000 * brightness > labels
        }
    }'
}
draw houses/train 600 1
draw houses/test 200 2
head -3 houses/train/labels.csv

# 2. Which learning rate? A range test takes a second.
"$gpu_train" --net mlp --data houses --device cpu --find-lr --out lr --quiet

# 3. Train, with a learning rate near those that it suggests. Prices lie far outside -10 to 20, so the net learns them
#    standardised; a line says so, and everything that is printed and written stays in the prices' own units.
"$gpu_train" --net mlp --dense-hiddens 64 --data houses --device cpu --lr 3e-3 --epochs 60 --out houses-run

# 4. How good is it? R-squared is 1 for perfect predictions, and 0 for always the mean.
"$gpu_train" eval houses-run --device cpu --format csv > eval.csv
"$gpu_train" eval houses-run --device cpu

# 5. Predict pictures. The numbers are prices.
"$gpu_train" predict houses-run houses/test --device cpu --format csv > predictions.csv
head -3 predictions.csv

# 6. Export for other programs; ONNX gives prices, too.
"$gpu_train" export houses-run --device cpu --format onnx --out houses.onnx

# What this path promises: R-squared above 0.8, the same from eval and from what predict printed.
r_squared=$(awk -F, '$1 == "r2" { print $NF }' eval.csv)
from_predictions=$(awk -F, '
    FNR == NR { if (FNR > 1) target[$1] = $2; next }
    FNR > 1 {
        n = split($1, parts, "/"); name = parts[n]
        count++; sum += target[name]; squares += target[name] ^ 2; errors += ($2 - target[name]) ^ 2
    }
    END { print 1 - errors / (squares - sum ^ 2 / count) }' houses/test/labels.csv predictions.csv)
echo "R-squared: $r_squared by eval, $from_predictions from the predictions"
awk -v a="$r_squared" -v b="$from_predictions" 'BEGIN {
    exit !(a > 0.8 && b > 0.8 && (a - b) ^ 2 < 1e-6)
}' || { echo "FAILED: R-squared is not above 0.8, or differs"; exit 1; }
