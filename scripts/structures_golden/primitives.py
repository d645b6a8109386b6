"""What the definitions are made of, in numpy and scipy: components, borders, distances, percentiles, assignments."""

import numpy as np
from scipy import ndimage

NEIGHBOURS = {6: 1, 18: 2, 26: 3}


def element(neighbours):
    return ndimage.generate_binary_structure(3, NEIGHBOURS[neighbours])


def components(values, neighbours):
    """Parts of equal value, numbered from 1 by their first voxel, last axis fastest."""
    found = np.zeros(values.shape, np.int64)
    count = 0
    for value in np.unique(values[values != 0]):
        part, n = ndimage.label(values == value, element(neighbours))
        found[part > 0] = part[part > 0] + count
        count += n
    flat = found.ravel()
    labels, first = np.unique(flat, return_index=True)
    keep = labels > 0
    order = labels[keep][np.argsort(first[keep])]
    renumbered = np.zeros(count + 1, np.int64)
    renumbered[order] = np.arange(1, count + 1)
    return renumbered[found], count


def border(mask, neighbours=6):
    """Voxels of the mask with a neighbour outside of it; outside of the volume is outside."""
    return mask & ~ndimage.binary_erosion(mask, element(neighbours))


def surface_distances(ref, pred, spacing=(1.0, 1.0, 1.0), neighbours=6):
    """From each border voxel of one to the nearest of the other: of the reference, of the prediction."""
    ref, pred = border(ref, neighbours), border(pred, neighbours)
    return (ndimage.distance_transform_edt(~pred, sampling=spacing)[ref],
            ndimage.distance_transform_edt(~ref, sampling=spacing)[pred])


def percentile(values, percent):
    """Linear between the two order statistics around percent * (n - 1)."""
    values = np.sort(values)
    at = percent / 100 * (len(values) - 1)
    low = int(np.floor(at))
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (at - low) * (values[high] - values[low]))


def dice(ref, pred):
    return 2 * np.count_nonzero(ref & pred) / (np.count_nonzero(ref) + np.count_nonzero(pred))


def iou(ref, pred):
    return np.count_nonzero(ref & pred) / np.count_nonzero(ref | pred)


def assignment(cost):
    """Rows and columns of least total cost, ties as scipy.optimize.linear_sum_assignment breaks them: shortest
    augmenting paths, row by row."""
    cost = np.asarray(cost, np.float64)
    if cost.size == 0:
        return []
    turned = cost.shape[1] < cost.shape[0]
    if turned:
        cost = cost.T
    rows, columns = cost.shape
    u, v = np.zeros(rows), np.zeros(columns)
    column_of, row_of, came_from = [-1] * rows, [-1] * columns, [-1] * columns
    for start in range(rows):
        shortest = [np.inf] * columns
        seen_rows, seen_columns = [False] * rows, [False] * columns
        remaining = list(range(columns - 1, -1, -1))
        row, least, sink = start, 0.0, -1
        while sink == -1:
            seen_rows[row] = True
            lowest, index = np.inf, -1
            for k, column in enumerate(remaining):
                length = least + cost[row, column] - u[row] - v[column]
                if length < shortest[column]:
                    came_from[column], shortest[column] = row, length
                if shortest[column] < lowest or (shortest[column] == lowest and row_of[column] == -1):
                    lowest, index = shortest[column], k
            least = lowest
            column = remaining[index]
            if row_of[column] == -1:
                sink = column
            else:
                row = row_of[column]
            seen_columns[column] = True
            remaining[index] = remaining[-1]
            remaining.pop()
        u[start] += least
        for i in range(rows):
            if seen_rows[i] and i != start:
                u[i] += least - shortest[column_of[i]]
        for j in range(columns):
            if seen_columns[j]:
                v[j] -= least - shortest[j]
        column = sink
        while True:
            row = came_from[column]
            row_of[column] = row
            column_of[row], column = column, column_of[row]
            if row == start:
                break
    found = list(enumerate(column_of))
    return sorted((column, row) for row, column in found) if turned else found


def surfels(mask, spacing, areas):
    """Points between voxels whose 2x2x2 voxels are not all alike, and the area of the surface there: `areas` by
    neighbour code. The point stands at the upper corner of a voxel; the mask has to have room below and above."""
    code = np.zeros(mask.shape, np.int64)
    for bit, (i, j, k) in enumerate(np.ndindex(2, 2, 2)):
        # The voxel itself has the lowest bit, its lower neighbours the higher ones.
        code += np.roll(mask, (i, j, k), (0, 1, 2)).astype(np.int64) << bit
    return (code != 0) & (code != 255), areas[code]


def surfel_areas(normals, spacing):
    """For each of the 256 codes: each triangle's normal, scaled by the two spacings of its plane."""
    plane = np.array([spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]])
    return np.array([sum(np.sqrt(np.sum((np.array(n) * plane) ** 2)) for n in code) for code in normals])
