#!/bin/sh
# The smallest algorithm: liver by a window of HU, opened and closed slice by slice. A POSIX shell with gzip, od, awk
# and dd; the CT is NIfTI-1 of int16 (.nii or .nii.gz), as `hdbench` lays it out.
#
#   sh threshold.sh CT.nii.gz PREDICTION.nii.gz [LOW HIGH]
set -eu
ct=$1 out=$2 low=${3:-60} high=${4:-180}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $ct in
*.gz) gzip -dc "$ct" >"$work/ct.nii" ;;
*) cat "$ct" >"$work/ct.nii" ;;
esac
# Of the header: columns, rows and slices (bytes 42 to 47), the type of the voxels (70, 71), where they begin (108).
set -- $(od -An -td2 -j42 -N6 "$work/ct.nii")
columns=$1 rows=$2 slices=$3
kind=$(od -An -td2 -j70 -N2 "$work/ct.nii" | tr -d ' ')
begin=$(od -An -tf4 -j108 -N4 "$work/ct.nii" | awk '{ print int($1) }')
if [ "$kind" != 4 ]; then
    echo "$ct: voxels of type $kind, expected int16 (4)" >&2
    exit 1
fi
# The CT's header for voxels of one byte: type 2, 8 bits.
head -c "$begin" "$work/ct.nii" >"$work/out.nii"
printf '\002\000\010\000' | dd of="$work/out.nii" bs=1 seek=70 conv=notrunc 2>/dev/null
tail -c "+$((begin + 1))" "$work/ct.nii" | od -An -v -td2 -w"$((2 * columns))" |
    awk -v columns="$columns" -v rows="$rows" -v low="$low" -v high="$high" '
        # A pixel and its four neighbours: all of them for an erosion, one for a dilation.
        function spread(from, to, needed,    x, y, sum) {
            for (y = 1; y <= rows; y++)
                for (x = 1; x <= columns; x++) {
                    sum = from[y, x] + from[y, x - 1] + from[y, x + 1] + from[y - 1, x] + from[y + 1, x]
                    to[y, x] = (sum >= needed)
                }
        }
        {
            row = (NR - 1) % rows + 1
            for (x = 1; x <= columns; x++) mask[row, x] = ($x >= low && $x <= high)
            if (row < rows) next
            spread(mask, work, 5); spread(work, mask, 5)
            spread(mask, work, 1); spread(work, mask, 1)
            for (y = 1; y <= rows; y++) {
                line = ""
                for (x = 1; x <= columns; x++) line = line mask[y, x]
                printf "%s", line
            }
        }' | tr '01' '\000\001' >>"$work/out.nii"
case $out in
*.gz) gzip -c "$work/out.nii" >"$out" ;;
*) cp "$work/out.nii" "$out" ;;
esac
