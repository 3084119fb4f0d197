//! The heat scale of waterfall and spectrogram.

/// Inferno (matplotlib, CC0) at eighths: rises in lightness throughout, so it also reads without colour vision.
const INFERNO: [[u8; 3]; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

/// Red, green and blue at a position from 0, nothing, to 1, the most.
pub(crate) fn inferno(position: f32) -> [u8; 3] {
    let place = position.clamp(0.0, 1.0) * (INFERNO.len() - 1) as f32;
    let index = (place as usize).min(INFERNO.len() - 2);
    let share = place - index as f32;
    std::array::from_fn(|c| {
        let (low, high) = (f32::from(INFERNO[index][c]), f32::from(INFERNO[index + 1][c]));
        (low + share * (high - low)).round() as u8
    })
}
