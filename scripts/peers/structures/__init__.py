"""Tasks with many structures: organs, brain tumours, a whole body, a thousand cases."""
