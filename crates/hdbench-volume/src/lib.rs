//! Voxels with their place in the patient: NIfTI, DICOM and MetaImage in and out, NRRD in, orientation,
//! resampling, label maps; below them files and archives, written whole and read within bounds.
//!
//! A module uses only modules above it in this list.

pub mod artifact;
pub mod case_name;
pub mod components;
pub mod nnunet_folder;
pub mod dataset_json;
mod bounds;
mod label_map;
mod label_value;
mod dicom;
mod geometry;
mod turn;
mod grid_agreement;
mod orientation;
mod layout;
mod image_name;
mod extent;
mod text_header;
mod nifti_affine;
mod nifti_header;
mod voxel_place;
mod image_read;
mod label_box;
mod array_labels;
mod grids;
mod nifti_like;
mod nifti_write;
mod metaimage_write;
mod resample;

pub use array_labels::{ArrayNumber, labels_of_array};
pub use bounds::Bounds;
pub use dicom::{
    DicomIdentity, DicomSeries, read_dicom_mask, read_dicom_series, write_dicom_mask,
    write_dicom_series,
};
pub use extent::{MAX_VOXELS, refuse_extent, shape_at_spacing};
pub use geometry::Geometry;
pub use grid_agreement::{GridAgreement, GridDifference, GridDistance};
pub use grids::{Apart, OnGrid, on_grid};
pub use image_name::{IMAGE_ENDINGS, split_image_name};
pub use image_read::{
    LABEL_ROUNDING, read_geometry, read_header, read_header_from, read_image, read_labels,
    read_labels_as, read_labels_from, read_labels_from_as,
};
pub use label_box::{
    LabelBox, StoredLabels, boxed, label_box_and_values_of, label_box_of, label_box_of_as,
    read_label_box, read_label_box_and_values, read_label_box_as, stored_labels_of,
};
pub use label_map::LabelMap;
pub use label_value::{Label, LabelValue, LabelValues};
pub use layout::{HeaderNote, ImageFormat, ImageHeader};
pub use metaimage_write::write_hu_metaimage;
use ndarray::Array3;
pub use nifti_like::HeaderTemplate;
pub use nifti_write::{write_hu, write_image, write_labels};
pub use orientation::Orientation;
pub use resample::{GridPart, resample_linear, resample_mean, resample_nearest, resample_part};
pub use turn::Turn;

/// A CT volume (`T = f32`, Hounsfield units) or a label map (`T = u8`: 0 background, 1 liver,
/// 2 tumour; `T = u16` for labels above 255), in standard C order `[z, y, x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T> {
    /// Voxels, `[z, y, x]`, contiguous; `voxels.dim()` equals `geometry.shape`.
    pub voxels: Array3<T>,
    /// Where they lie.
    pub geometry: Geometry,
}
