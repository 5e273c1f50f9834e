//! An address as a picture for the camera of a phone.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Black on white whatever the terminal's own colours are.
const BLACK_ON_WHITE: &str = "\u{1b}[30;107m";
const AS_BEFORE: &str = "\u{1b}[0m";

/// The lines of the picture, two rows of squares in each, with the margin that a camera needs. In colours it is black on
/// white; without, what is to be light is drawn, as it suits terminals that are dark, and most cameras read the opposite,
/// too. `None` if it has no room in so many columns, or the text is too long for any picture.
pub(super) fn lines(text: &str, colors: bool, columns: usize) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (dark, light) =
        if colors { (Dense1x2::Dark, Dense1x2::Light) } else { (Dense1x2::Light, Dense1x2::Dark) };
    let picture = code.render::<Dense1x2>().dark_color(dark).light_color(light).quiet_zone(true).build();
    let paint =
        |line: &str| if colors { format!("{BLACK_ON_WHITE}{line}{AS_BEFORE}") } else { line.to_owned() };
    let fits = picture.lines().all(|line| line.chars().count() <= columns);
    fits.then(|| picture.lines().map(paint).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "https://issuer.example/device?user_code=ABCD-EFGH";

    /// The squares of a drawn picture, dark as `true`.
    fn squares(lines: &[String]) -> Vec<Vec<bool>> {
        let plain = lines.iter().map(|line| line.replace(BLACK_ON_WHITE, "").replace(AS_BEFORE, ""));
        let halves = |line: String, upper: bool| -> Vec<bool> {
            line.chars().map(|c| c == '█' || c == if upper { '▀' } else { '▄' }).collect()
        };
        plain.flat_map(|line| [halves(line.clone(), true), halves(line, false)]).collect()
    }

    #[test]
    fn the_picture_holds_the_text_with_a_margin_in_both_colours() {
        let code = QrCode::with_error_correction_level(TEXT, EcLevel::L).unwrap();
        let side = code.width();
        for colors in [true, false] {
            let squares = squares(&lines(TEXT, colors, 80).unwrap());
            for (y, row) in squares.iter().enumerate().take(side + 8) {
                for (x, drawn) in row.iter().enumerate() {
                    let inside = (4..side + 4).contains(&x) && (4..side + 4).contains(&y);
                    let dark = inside && code[(x - 4, y - 4)] == qrcode::Color::Dark;
                    assert_eq!(*drawn == colors, dark, "{colors} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn a_picture_that_would_be_torn_is_not_drawn() {
        assert!(lines(TEXT, true, 36).is_none() && lines(TEXT, true, 37).is_some());
        assert!(lines(&"x".repeat(5000), true, 1000).is_none());
    }
}
