"""The functions of other packages, with their signatures and their numbers: changing one import line is the migration.

=============================================  ============================================
``from medpy.metric import binary``            ``from hdbench.compat.medpy.metric import binary``
``import surface_distance``                    ``from hdbench.compat import surface_distance``
``from monai.metrics import compute_...``      ``from hdbench.compat.monai_functional import compute_...``
``from nnunetv2.evaluation...``                ``from hdbench.compat.nnunet import ...``
=============================================  ============================================

They raise what those raise. Arrays have two or three axes; other numbers of axes are refused.
"""
