//! The calls of other tools with our columns, compared on tests/data/structures (tests/it/definitions.rs).

use super::definition::OnEmpty::{Configured, Diagonal, Error, Value};
use super::definition::{Column, Definition, OnEmpty, ToolCall};
use super::metric::Metric::{
    self, AsdPredToRefSurfel, AsdRefToPredSurfel, Assd, Dice, Hd95, Hd95Max, Hd95Surfel, Jaccard,
    Masd, Msd, Tool,
};
use super::tolerance::{Tolerance, VoxelTolerance};
use super::tool_metric::SurfaceStatistic as Voxels;
use super::tool_metric::ToolMetric::{
    AhdSimpleItk, AsdPredToRef, AssdSurfel, BoundaryIou, Hd95PredToRef, HdSimpleItk, InVoxels,
    MsdSurfel, NsdInVoxels, NsdOfVoxels, NsdOfVoxelsInVoxels, NsdPanoptica, NsdPanopticaInVoxels,
    SurfaceOverlapPred, SurfaceOverlapRef,
};
use crate::metrics::surface::Border::{Eighteen, Six, TwentySix};

impl Definition {
    /// Its calls.
    pub fn calls(self) -> impl Iterator<Item = &'static ToolCall> {
        CALLS.iter().filter(move |call| call.tool == self)
    }

    /// The columns that it adds to a table, at some tolerances: of every call that needs no number and no
    /// neighbourhood other than the tool's default.
    pub fn metrics(self, tolerances: &[Tolerance]) -> Vec<Metric> {
        let added = self.calls().filter(|call| call.is_added);
        let mut metrics = Vec::new();
        for metric in added.flat_map(|call| call.column.metrics(tolerances, &[])) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }
}

const NAN: OnEmpty = Value(f64::NAN);
const INF: OnEmpty = Value(f64::INFINITY);
const ZERO: OnEmpty = Value(0.0);
const ONE: OnEmpty = Value(1.0);

const SIX: &str = "a surface voxel has background among 6 neighbours, not 18";
const EIGHTEEN: &str = "does not differ";
const TWENTY_SIX: &str = "a surface voxel has background among 26 neighbours, not 18";
const VOXELS: &str = "in voxels, whatever the spacing; 6 neighbours, not 18";

/// A call whose column is added.
const fn call(
    tool: Definition,
    call: &'static str,
    column: Metric,
    empty: [OnEmpty; 3],
    differs: &'static str,
) -> ToolCall {
    ToolCall {
        tool,
        call,
        column: Column::One(column),
        is_added: true,
        empty,
        differs,
    }
}

/// One whose column is had by its name alone.
const fn by_name(call: ToolCall) -> ToolCall {
    ToolCall {
        is_added: false,
        ..call
    }
}

const fn medpy(name: &'static str, column: Metric, differs: &'static str) -> ToolCall {
    call(Definition::MedPy, name, column, [Error; 3], differs)
}

const fn monai(
    name: &'static str,
    column: Metric,
    one_empty: OnEmpty,
    differs: &'static str,
) -> ToolCall {
    let empty = [NAN, one_empty, one_empty];
    call(Definition::Monai, name, column, empty, differs)
}

const fn monai_nsd(name: &'static str, column: Column, differs: &'static str) -> ToolCall {
    ToolCall {
        tool: Definition::Monai,
        call: name,
        column,
        is_added: matches!(column, Column::AtMm(_)),
        empty: [NAN, ZERO, ZERO],
        differs,
    }
}

const fn reloaded(name: &'static str, column: Metric, differs: &'static str) -> ToolCall {
    let empty = [ZERO, NAN, NAN];
    call(Definition::MetricsReloaded, name, column, empty, differs)
}

const fn panoptica(name: &'static str, column: Metric, differs: &'static str) -> ToolCall {
    call(
        Definition::Panoptica,
        name,
        column,
        [Configured; 3],
        differs,
    )
}

const fn surfels(
    name: &'static str,
    column: Column,
    empty: [OnEmpty; 3],
    differs: &'static str,
) -> ToolCall {
    ToolCall {
        tool: Definition::SurfaceDistance,
        call: name,
        column,
        is_added: true,
        empty,
        differs,
    }
}

/// Every call that measures a distance or the overlap of surfaces, tool by tool; of nnU-Net, which has none, its
/// overlaps.
static CALLS: [ToolCall; 60] = [
    medpy(
        "hd(P, R, voxelspacing)",
        Msd(Six),
        "the largest distance; 6 neighbours, not 18",
    ),
    medpy("hd95(P, R, voxelspacing)", Hd95(Six), SIX),
    medpy(
        "asd(P, R, voxelspacing)",
        Tool(AsdPredToRef(Six)),
        "from prediction to reference only; 6 neighbours, not 18",
    ),
    medpy(
        "assd(P, R, voxelspacing)",
        Assd(Six),
        "6 neighbours, not 18; up to MedPy 0.4.0 it is masd_6n",
    ),
    medpy("hd(P, R)", Tool(InVoxels(Voxels::Msd)), VOXELS),
    medpy("hd95(P, R)", Tool(InVoxels(Voxels::Hd95)), VOXELS),
    medpy(
        "asd(P, R)",
        Tool(InVoxels(Voxels::AsdPredToRef)),
        "in voxels; from prediction to reference only; 6 neighbours",
    ),
    medpy("assd(P, R)", Tool(InVoxels(Voxels::Assd)), VOXELS),
    by_name(medpy(
        "hd(P, R, voxelspacing, connectivity=2)",
        Msd(Eighteen),
        "the largest distance",
    )),
    by_name(medpy(
        "hd95(P, R, voxelspacing, connectivity=2)",
        Hd95(Eighteen),
        EIGHTEEN,
    )),
    by_name(medpy(
        "asd(P, R, voxelspacing, connectivity=2)",
        Tool(AsdPredToRef(Eighteen)),
        "from prediction to reference only",
    )),
    by_name(medpy(
        "assd(P, R, voxelspacing, connectivity=2)",
        Assd(Eighteen),
        EIGHTEEN,
    )),
    by_name(medpy(
        "hd(P, R, voxelspacing, connectivity=3)",
        Msd(TwentySix),
        "the largest distance; 26 neighbours, not 18",
    )),
    by_name(medpy(
        "hd95(P, R, voxelspacing, connectivity=3)",
        Hd95(TwentySix),
        TWENTY_SIX,
    )),
    by_name(medpy(
        "asd(P, R, voxelspacing, connectivity=3)",
        Tool(AsdPredToRef(TwentySix)),
        "from prediction to reference only; 26 neighbours, not 18",
    )),
    by_name(medpy(
        "assd(P, R, voxelspacing, connectivity=3)",
        Assd(TwentySix),
        TWENTY_SIX,
    )),
    monai(
        "compute_hausdorff_distance(spacing)",
        Msd(Six),
        INF,
        "the largest distance; 6 neighbours, not 18",
    ),
    monai(
        "compute_hausdorff_distance(percentile=95, spacing)",
        Hd95Max(Six),
        NAN,
        "the larger of the two directed percentiles, not that of both pooled; 6 neighbours, not 18",
    ),
    monai(
        "compute_hausdorff_distance(percentile=95, directed=True, spacing)",
        Tool(Hd95PredToRef),
        NAN,
        "from prediction to reference only; 6 neighbours, not 18",
    ),
    monai(
        "compute_average_surface_distance(spacing)",
        Tool(AsdPredToRef(Six)),
        INF,
        "from prediction to reference only, its default; 6 neighbours, not 18",
    ),
    monai(
        "compute_average_surface_distance(symmetric=True, spacing)",
        Assd(Six),
        INF,
        SIX,
    ),
    monai_nsd(
        "compute_surface_dice(class_thresholds=[T], spacing)",
        Column::AtMm(|mm| Tool(NsdOfVoxels(mm))),
        "surface voxels by 6 neighbours are counted, not areas summed",
    ),
    monai_nsd(
        "compute_surface_dice(class_thresholds=[T], use_subvoxels=True, spacing)",
        Column::AtMm(Metric::Nsd),
        "does not differ",
    ),
    monai(
        "compute_hausdorff_distance()",
        Tool(InVoxels(Voxels::Msd)),
        INF,
        VOXELS,
    ),
    monai(
        "compute_hausdorff_distance(percentile=95)",
        Tool(InVoxels(Voxels::Hd95Max)),
        NAN,
        "in voxels; the larger of the two directed percentiles; 6 neighbours",
    ),
    monai(
        "compute_hausdorff_distance(percentile=95, directed=True)",
        Tool(InVoxels(Voxels::Hd95PredToRef)),
        NAN,
        "in voxels; from prediction to reference only; 6 neighbours",
    ),
    monai(
        "compute_average_surface_distance()",
        Tool(InVoxels(Voxels::AsdPredToRef)),
        INF,
        "in voxels; from prediction to reference only; 6 neighbours",
    ),
    monai(
        "compute_average_surface_distance(symmetric=True)",
        Tool(InVoxels(Voxels::Assd)),
        INF,
        VOXELS,
    ),
    monai_nsd(
        "compute_surface_dice(class_thresholds=[T])",
        Column::AtVoxels(|voxels| Tool(NsdOfVoxelsInVoxels(voxels))),
        "the tolerance is in voxels; surface voxels by 6 neighbours are counted, not areas summed",
    ),
    monai_nsd(
        "compute_surface_dice(class_thresholds=[T], use_subvoxels=True)",
        Column::AtVoxels(|voxels| Tool(NsdInVoxels(voxels))),
        "the tolerance is in voxels, and areas are those of voxels of edge 1",
    ),
    call(
        Definition::SimpleItk,
        "GetHausdorffDistance()",
        Tool(HdSimpleItk),
        [Error; 3],
        "the largest distance of all voxels of a mask, not of its surface, from the other mask: 0 inside it",
    ),
    call(
        Definition::SimpleItk,
        "GetAverageHausdorffDistance()",
        Tool(AhdSimpleItk),
        [Error; 3],
        "mean of the two directed means over all voxels of a mask, not of its surface: 0 inside the other, so far below assd",
    ),
    surfels(
        "compute_average_surface_distance()[0]",
        Column::One(AsdRefToPredSurfel),
        [NAN, NAN, INF],
        "from reference to prediction only, by area of surfels",
    ),
    surfels(
        "compute_average_surface_distance()[1]",
        Column::One(AsdPredToRefSurfel),
        [NAN, INF, NAN],
        "from prediction to reference only, by area of surfels",
    ),
    surfels(
        "compute_robust_hausdorff(95)",
        Column::One(Hd95Surfel),
        [INF; 3],
        "the larger of the two directed percentiles, by area of surfels, without interpolation",
    ),
    surfels(
        "compute_robust_hausdorff(100)",
        Column::One(Tool(MsdSurfel)),
        [INF; 3],
        "the largest distance, between surfels",
    ),
    surfels(
        "compute_surface_overlap_at_tolerance(T)[0]",
        Column::AtMm(|mm| Tool(SurfaceOverlapRef(mm))),
        [NAN, NAN, ZERO],
        "the share of the reference's surface only",
    ),
    surfels(
        "compute_surface_overlap_at_tolerance(T)[1]",
        Column::AtMm(|mm| Tool(SurfaceOverlapPred(mm))),
        [NAN, ZERO, NAN],
        "the share of the prediction's surface only",
    ),
    surfels(
        "compute_surface_dice_at_tolerance(T)",
        Column::AtMm(Metric::Nsd),
        [NAN, ZERO, ZERO],
        "does not differ",
    ),
    reloaded("assd", Assd(Six), SIX),
    reloaded(
        "masd",
        Masd(Six),
        "mean of the two directed means, not of both pooled; 6 neighbours, not 18",
    ),
    reloaded("hd", Msd(Six), "the largest distance; 6 neighbours, not 18"),
    reloaded(
        "hd_perc",
        Hd95Max(Six),
        "the larger of the two directed percentiles, not that of both pooled; 6 neighbours, not 18",
    ),
    ToolCall {
        tool: Definition::MetricsReloaded,
        call: "nsd, dict_args={\"nsd\": T}",
        column: Column::AtMm(|mm| Tool(NsdOfVoxels(mm))),
        is_added: true,
        empty: [ONE, ZERO, ZERO],
        differs: "surface voxels by 6 neighbours are counted, not areas summed",
    },
    call(
        Definition::MetricsReloaded,
        "boundary_iou",
        Tool(BoundaryIou(VoxelTolerance::ONE)),
        [ONE, ZERO, ZERO],
        "no distance: overlap of the voxels of both masks nearer than 1 voxel to their own surfaces, so of the surface voxels",
    ),
    ToolCall {
        tool: Definition::MetricsReloaded,
        call: "boundary_iou, dict_args={\"boundary_dist\": T}",
        column: Column::AtVoxels(|voxels| Tool(BoundaryIou(voxels))),
        is_added: false,
        empty: [ONE, ZERO, ZERO],
        differs: "no distance: overlap of the voxels of both masks nearer than T voxels to their own surfaces",
    },
    call(
        Definition::NnUnet,
        "Dice",
        Dice,
        [NAN, ZERO, ZERO],
        "does not differ but for empty masks",
    ),
    call(
        Definition::NnUnet,
        "IoU",
        Jaccard,
        [NAN, ZERO, ZERO],
        "does not differ but for empty masks",
    ),
    panoptica(
        "ASSD of an instance",
        Masd(Six),
        "mean of the two directed means, not of both pooled; 6 neighbours, not 18",
    ),
    panoptica(
        "HD of an instance",
        Msd(Six),
        "the largest distance; 6 neighbours, not 18",
    ),
    panoptica("HD95 of an instance", Hd95(Six), SIX),
    panoptica(
        "NSD of an instance",
        Tool(NsdPanoptica),
        "mean of the shares of either mask's surface voxels (6 neighbours) within the smallest spacing, not the share of both areas",
    ),
    panoptica(
        "global_bin_assd",
        Tool(InVoxels(Voxels::Masd)),
        "in voxels; mean of the two directed means; 6 neighbours",
    ),
    panoptica("global_bin_hd", Tool(InVoxels(Voxels::Msd)), VOXELS),
    panoptica("global_bin_hd95", Tool(InVoxels(Voxels::Hd95)), VOXELS),
    panoptica(
        "global_bin_nsd",
        Tool(NsdPanopticaInVoxels),
        "mean of the shares of either mask's surface voxels (6 neighbours) within half a voxel, so of those in common",
    ),
    call(
        Definition::Mist,
        "haus95",
        Hd95Surfel,
        [ZERO, Diagonal, Diagonal],
        "the larger of the two directed percentiles, by area of surfels, without interpolation",
    ),
    ToolCall {
        tool: Definition::Mist,
        call: "surf_dice",
        column: Column::AtMm(Metric::Nsd),
        is_added: true,
        empty: [ONE, ZERO, ZERO],
        differs: "does not differ",
    },
    call(
        Definition::Mist,
        "avg_surf",
        Tool(AssdSurfel),
        [ZERO, Diagonal, Diagonal],
        "by area of surfels",
    ),
    call(
        Definition::Brats2023,
        "Legacy_HD95",
        Hd95Surfel,
        [ZERO, Value(374.0), Value(374.0)],
        "the larger of the two directed percentiles, by area of surfels, without interpolation",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::tool_metric::ToolMetric;
    use super::*;

    #[test]
    fn every_column_is_a_metric_by_its_name() {
        for tool in Definition::ALL {
            assert_eq!(Definition::named(tool.name()), Some(tool));
            assert!(tool.calls().count() > 0);
            for call in tool.calls() {
                let name = call.column.name();
                assert!(Metric::named(&name).is_some(), "{}: {name}", call.call);
            }
        }
    }

    /// A number for every variant: the compiler asks for a new one.
    fn number(metric: ToolMetric) -> usize {
        match metric {
            AsdPredToRef(_) => 0,
            Hd95PredToRef => 1,
            NsdOfVoxels(_) => 2,
            NsdPanoptica => 3,
            InVoxels(_) => 4,
            NsdOfVoxelsInVoxels(_) => 5,
            NsdInVoxels(_) => 6,
            NsdPanopticaInVoxels => 7,
            HdSimpleItk => 8,
            AhdSimpleItk => 9,
            MsdSurfel => 10,
            AssdSurfel => 11,
            SurfaceOverlapPred(_) => 12,
            SurfaceOverlapRef(_) => 13,
            BoundaryIou(_) => 14,
        }
    }

    #[test]
    fn every_metric_of_a_tool_has_a_call_and_most_are_added() {
        let mm = Tolerance::from_mm(2.0);
        let voxels = VoxelTolerance::from_voxels(2.0);
        let of = |call: &ToolCall| call.column.metrics(mm.as_slice(), voxels.as_slice());
        let number = |metric| match metric {
            Tool(metric) => Some(number(metric)),
            _ => None,
        };
        let called = CALLS.iter().flat_map(of).filter_map(number);
        assert_eq!(called.collect::<BTreeSet<usize>>(), (0..15).collect());
        let added = Definition::ALL.map(|tool| tool.metrics(mm.as_slice()));
        let added = added.into_iter().flatten().filter_map(number);
        let added: BTreeSet<usize> = added.collect();
        // What needs a number of the tool's in voxels is asked for by its name.
        assert_eq!(added, (0..15).filter(|n| ![5, 6].contains(n)).collect());
    }

    #[test]
    fn a_definition_adds_its_columns_once_and_at_each_tolerance() {
        let tolerances: Vec<Tolerance> = [1.0, 2.5]
            .into_iter()
            .filter_map(Tolerance::from_mm)
            .collect();
        let names = |tool: Definition| -> Vec<String> {
            let metrics = tool.metrics(&tolerances).into_iter();
            metrics.map(|metric| metric.name().into_owned()).collect()
        };
        assert_eq!(
            names(Definition::MetricsReloaded),
            [
                "assd_6n",
                "masd_6n",
                "msd_6n",
                "hd95_max_6n",
                "nsd_6n_1mm",
                "nsd_6n_2.5mm",
                "boundary_iou_1voxels"
            ]
        );
        assert_eq!(names(Definition::NnUnet), ["dice", "jaccard"]);
        assert_eq!(names(Definition::Brats2023), ["hd95_surfel"]);
    }
}
