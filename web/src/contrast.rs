//! Whether what `app.css` draws can be read: the contrast of its colours, light and dark, as WCAG
//! 2.2 measures it (SC 1.4.3 for text, SC 1.4.11 for what a control or a state is known by).

use std::collections::BTreeMap;

const CSS: &str = include_str!("../assets/app.css");

/// The least contrast of text.
const TEXT: f64 = 4.5;

/// The least contrast of icons, focus rings and the edges of controls.
const SHAPE: f64 = 3.0;

const INKS: [&str; 7] = ["text", "muted", "accent", "good", "fresh", "warn", "bad"];
const GROUNDS: [&str; 3] = ["ground", "surface", "sunken"];
const SOFT: [&str; 4] = ["good-soft", "fresh-soft", "warn-soft", "bad-soft"];

/// The colours of one look, by name.
type Palette = BTreeMap<&'static str, [u8; 3]>;

/// The look of the light, and that of the dark, which changes some of its colours.
fn palettes() -> [(&'static str, Palette); 2] {
    let blocks = CSS.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
    let mut colours =
        blocks.map(|block| declarations(block).filter_map(named).collect::<Palette>());
    let (light, dark) = (colours.next().unwrap(), colours.next().unwrap());
    assert!(colours.next().is_none(), "a third look is measured by nobody");
    let dark = light.clone().into_iter().chain(dark).collect();
    [("light", light), ("dark", dark)]
}

fn declarations(block: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let pairs = block.split(';').filter_map(|declaration| declaration.split_once(':'));
    pairs.map(|(name, value)| (name.trim(), value.trim()))
}

/// A custom property that is a colour, `--name: #rrggbb`.
fn named((name, value): (&'static str, &'static str)) -> Option<(&'static str, [u8; 3])> {
    let hex = u32::from_str_radix(value.strip_prefix('#')?, 16).ok()?;
    let [_, red, green, blue] = hex.to_be_bytes();
    Some((name.strip_prefix("--")?, [red, green, blue]))
}

/// Relative luminance (WCAG 2.2, "relative luminance").
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.0722_f64.mul_add(blue, 0.2126_f64.mul_add(red, 0.7152 * green))
}

/// The contrast ratio of two colours, from 1 to 21.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Asserts that each pair has at least `least` in both looks; returns how many were measured.
fn measured(pairs: &[(&str, &str)], least: f64) -> usize {
    let mut low = Vec::new();
    for (look, palette) in palettes() {
        for (ink, ground) in pairs {
            let found = contrast(palette[ink], palette[ground]);
            if found < least {
                low.push(format!("{look}: --{ink} on --{ground} has {found:.2}:1"));
            }
        }
    }
    assert!(low.is_empty(), "less than {least}:1:\n{}", low.join("\n"));
    2 * pairs.len()
}

#[test]
fn contrast_is_measured_as_wcag_does() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x77; 3], [255; 3]) - 4.478).abs() < 1e-3);
}

#[test]
fn text_can_be_read_on_every_ground_it_may_stand_on() {
    let on_grounds = INKS.iter().flat_map(|ink| GROUNDS.map(|ground| (*ink, ground)));
    let on_soft = SOFT.iter().flat_map(|ground| ["text", "muted"].map(|ink| (ink, *ground)));
    let pairs = on_grounds.chain(on_soft).collect::<Vec<_>>();
    assert_eq!(measured(&pairs, TEXT), 58);
}

#[test]
fn text_can_be_read_where_a_rule_names_both_its_colour_and_its_ground() {
    let variable = |value: &'static str| value.strip_prefix("var(--")?.strip_suffix(')');
    let rules = CSS.split('}').filter_map(|rule| rule.rsplit_once('{'));
    let pairs = rules.filter_map(|(_, block)| {
        let value = |wanted| declarations(block).find(|(name, _)| *name == wanted);
        Some((variable(value("color")?.1)?, variable(value("background")?.1)?))
    });
    let pairs = pairs.collect::<Vec<_>>();
    assert!(pairs.contains(&("on-accent", "accent")) && pairs.len() >= 15, "{pairs:?}");
    measured(&pairs, TEXT);
}

#[test]
fn what_a_control_or_a_state_is_known_by_can_be_told_from_its_ground() {
    let mut pairs = Vec::new();
    for ground in GROUNDS {
        pairs.push(("focus", ground));
    }
    pairs.extend([
        ("line-strong", "surface"),
        ("accent", "surface"),
        ("on-accent", "accent-press"),
    ]);
    pairs.extend([("fresh", "sunken"), ("warn", "warn-soft"), ("bad", "bad-soft")]);
    measured(&pairs, SHAPE);
}

/// What is half transparent has another contrast than its colour.
#[test]
fn nothing_is_made_paler_by_opacity() {
    assert!(!CSS.contains("opacity:"), "measure the colour that comes of it, and name that");
}
