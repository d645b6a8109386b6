"""How far hdbench's numbers are from PyTorch's. Every distance is max|a - b| / max|b|."""

# A gradient so much smaller than its layer's largest is zero but for rounding.
NEGLIGIBLE = 1e-6


def distance(a, b, scale=None):
    assert a.shape == b.shape, f"{list(a.shape)} against {list(b.shape)}"
    scale = b.double().abs().max() if scale is None else scale
    return ((a.double() - b.double()).abs().max() / scale).item()


def of_pass(ours, single, double):
    """All deviations of one pass: `ours` as `hdbench model probe` wrote it, against PyTorch in f32
    and f64."""
    deviations = {}
    for name in double.answers:
        deviations[name] = {
            "f32": distance(ours[name], single.answers[name]),
            "f64": distance(ours[name], double.answers[name]),
            "pytorch": distance(single.answers[name], double.answers[name]),
        }
    deviations["gradients"] = gradients(ours, single, double)
    deviations["statistics"] = {name: distance(ours[f"after.{name}"], value)
                             for name, value in double.statistics.items()}
    deviations["after"] = {name: distance(ours[f"after.{name}"], value)
                        for name, value in double.parameters.items()}
    return deviations


def gradients(ours, single, double):
    largest = {name: value.abs().max() for name, value in double.gradients.items()}
    deviations = {}
    for name, expected in double.gradients.items():
        scale, measure = largest[name], "itself"
        sibling = name.rpartition(".")[0] + ".weight"
        if scale < NEGLIGIBLE * largest[sibling]:
            scale, measure = largest[sibling], sibling
        found, plain = ours[f"gradient.{name}"], single.gradients[name]
        deviations[name] = {
            "f32": distance(found, plain, scale),
            "f64": distance(found, expected, scale),
            "pytorch": distance(plain, expected, scale),
            "relative_to": measure,
        }
    return deviations


def step_factor(ours, before, double, recipe, rate):
    """The length of the step over that of SGD's first, less 1: what the parameters after the step
    cannot show where the step is small."""
    along = square = 0.0
    for name, gradient in double.gradients.items():
        step = ours[f"after.{name}"].double() - before[name].double()
        along += (step * gradient).sum().item()
        square += (gradient * gradient).sum().item()
    # The first momentum is the gradient itself, whatever the dampening.
    expected = 1 + recipe["momentum"] if recipe["nesterov"] else 1
    return abs(along / square / (-rate * expected) - 1)


def names(ours, double):
    """Names that one side has and the other has not."""
    expected = set(double.answers)
    expected |= {f"gradient.{name}" for name in double.gradients}
    expected |= {f"after.{name}" for name in [*double.parameters, *double.statistics]}
    return sorted(expected ^ set(ours))


def worst(deviations, key=None):
    """The largest deviation and its name."""
    values = {name: value[key] if key else value for name, value in deviations.items()}
    name = max(values, key=values.get)
    return values[name], name
