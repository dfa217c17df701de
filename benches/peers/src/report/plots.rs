//! Plots that show how operations grow with the group size. The axes are logarithmic, and each
//! library with each backend has its own line.

use std::{error::Error, path::Path};

use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, LineSeries, PathElement, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};

use super::{
    format,
    results::{Results, columns},
    tables::points,
};

/// The operations that have a plot, provided that they were measured at two or more sizes.
pub const PLOTS: [&str; 12] = [
    "process_update_commit",
    "process_update_commit_warm",
    "process_add_commit_nopath",
    "update_commit_create",
    "update_commit_warm_create",
    "create_group_add_all_build",
    "join_welcome_single",
    "app_decrypt_32B_and_store",
    "load_group",
    "process_update_commit_storage_written",
    "heap_joined_group",
    "heap_peak_during_process_update_commit",
];

const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 110, 60),
    RGBColor(110, 190, 70),
    RGBColor(200, 60, 40),
    RGBColor(40, 90, 180),
    RGBColor(130, 170, 230),
];

/// Draws the plot of an operation into a file. Returns `false` if there are too few measurements
/// for a plot.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub fn draw(results: &Results, op: &str, file: &Path) -> Result<bool, Box<dyn Error>> {
    let series: Vec<_> = columns()
        .into_iter()
        .zip(COLOURS)
        .map(|(column, colour)| (column.label, colour, points(results, column, op)))
        .collect();
    let all = || series.iter().flat_map(|(_, _, points)| points);
    let sizes = (all().map(|(n, _)| *n).min(), all().map(|(n, _)| *n).max());
    let (Some(smallest), Some(largest)) = sizes else { return Ok(false) };
    if smallest == largest {
        return Ok(false);
    }
    let lowest = all().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let highest = all().map(|(_, value)| *value).fold(0.0, f64::max);
    let is_time = columns().into_iter().any(|column| results.time(column, op, largest).is_some());
    let label = |value: &f64| if is_time { format::time(*value) } else { format::bytes(*value as u64) };

    let area = SVGBackend::new(file, (760, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(op, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(72)
        .build_cartesian_2d(
            (smallest as f64 / 1.2..largest as f64 * 1.2).log_scale(),
            (lowest / 1.5..highest * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("members")
        .x_label_formatter(&|n| format::count(n.round() as u64))
        .y_label_formatter(&label)
        .draw()?;
    for (name, colour, points) in series.iter().filter(|(_, _, points)| !points.is_empty()) {
        let colour = *colour;
        let line = points.iter().map(|(n, value)| (*n as f64, *value));
        chart
            .draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(line.map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(true)
}
