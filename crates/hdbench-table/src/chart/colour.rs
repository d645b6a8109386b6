use plotters::prelude::RGBColor;

/// Colours of Okabe and Ito (2008), which people with colour blindness can tell apart, without
/// yellow and with a grey for black, so that they also show on a dark ground.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x8a, 0x8d, 0x91),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0x1f, 0x78, 0xc8),
    RGBColor(0xd5, 0x5e, 0x00),
];

/// Colour of the row at a place of the table.
pub fn colour(place: usize) -> RGBColor {
    COLOURS[place % COLOURS.len()]
}
