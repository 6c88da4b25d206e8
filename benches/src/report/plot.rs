//! Plots, in SVG.

use std::fmt::Write;

use crate::results::{BOUND, Codec, Echo, OURS};
use crate::tables::{bytes, title};

/// Colours of other implementations; ours are black and thick.
const COLOURS: [&str; 8] =
    ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#9c755f"];

const WIDTH: f64 = 960.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 70.0;

/// Plots each implementation's time divided by ours, by frame size, for each workload.
pub(crate) fn codec(codec: &Codec) -> String {
    const COLUMNS: usize = 3;
    const PANEL: (f64, f64) = ((WIDTH - LEFT) / COLUMNS as f64, 200.0);
    const INSIDE: (f64, f64) = (PANEL.0 - 50.0, PANEL.1 - 50.0);
    /// The range shown, as logarithms to base 2.
    const RANGE: (f64, f64) = (-3.0, 5.0);

    let workloads: Vec<_> =
        codec.workloads().into_iter().filter(|(name, _)| !name.starts_with("fragments")).collect();
    let (sizes, peers) = (codec.sizes(), codec.peers());
    let height = TOP + PANEL.1 * workloads.len().div_ceil(COLUMNS) as f64;
    let mut plot =
        Plot::new(height, "Time for a frame divided by that of wsproto: below 1 is faster");
    plot.legend(&peers);
    for (at, workload) in workloads.into_iter().enumerate() {
        let left = LEFT + (at % COLUMNS) as f64 * PANEL.0;
        let top = TOP + (at / COLUMNS) as f64 * PANEL.1 + 20.0;
        plot.text((left, top - 6.0), "start", &title(workload));
        let x = |at: usize| left + INSIDE.0 * at as f64 / (sizes.len() - 1) as f64;
        let y = |ratio: f64| {
            let part = (ratio.log2().clamp(RANGE.0, RANGE.1) - RANGE.0) / (RANGE.1 - RANGE.0);
            top + INSIDE.1 * (1.0 - part)
        };
        for ratio in [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0] {
            plot.line([(left, y(ratio)), (left + INSIDE.0, y(ratio))], "#ddd", 1.0);
            plot.text((left - 6.0, y(ratio) + 4.0), "end", &ratio.to_string());
        }
        for (at, size) in sizes.iter().enumerate() {
            plot.tilted((x(at), top + INSIDE.1 + 10.0), &bytes(*size).replace(' ', ""));
        }
        for (which, peer) in peers.iter().enumerate() {
            let points = sizes.iter().enumerate().filter_map(|(at, size)| {
                let (ours, _) = codec.contest(workload, *size)?;
                let cell = codec.cell(workload, *size);
                let time = cell.into_iter().find(|time| time.peer.starts_with(peer))?;
                Some((x(at), y(time.nanoseconds / ours)))
            });
            let (colour, thickness) = style(which, peer);
            plot.line(points, colour, thickness);
        }
    }
    plot.finish()
}

/// Plots each server's messages per second divided by those of the bound, for each scenario.
pub(crate) fn echo(echo: &Echo) -> String {
    const HEIGHT: f64 = 326.0;
    const INSIDE: f64 = 210.0;
    const MOST: f64 = 1.5;

    let (scenarios, servers) = (echo.scenarios(false), echo.servers());
    let mut plot = Plot::new(HEIGHT, &format!("Messages per second divided by those of {BOUND}"));
    plot.legend(&servers);
    let y = |ratio: f64| TOP + 10.0 + INSIDE * (1.0 - ratio.min(MOST) / MOST);
    for ratio in [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5] {
        plot.line([(LEFT, y(ratio)), (WIDTH - 10.0, y(ratio))], "#ddd", 1.0);
        plot.text((LEFT - 6.0, y(ratio) + 4.0), "end", &ratio.to_string());
    }
    let group = (WIDTH - LEFT - 10.0) / scenarios.len() as f64;
    let bar = group * 0.8 / servers.len() as f64;
    for (at, scenario) in scenarios.iter().enumerate() {
        let left = LEFT + group * (at as f64 + 0.1);
        plot.text((left + group * 0.4, y(0.0) + 18.0), "middle", scenario);
        for (which, server) in servers.iter().enumerate() {
            let Some([least, median, most]) = echo.ratio(scenario, server) else { continue };
            let middle = left + bar * (which as f64 + 0.5);
            plot.line([(middle, y(0.0)), (middle, y(median))], style(which, server).0, bar * 0.8);
            plot.line([(middle, y(least)), (middle, y(most))], "#222", 1.5);
        }
    }
    plot.finish()
}

fn style(which: usize, name: &str) -> (&'static str, f64) {
    match OURS.iter().position(|ours| *ours == name) {
        Some(0 | 1) => ("#000", 3.0),
        Some(4) => ("#333", 3.0),
        Some(2) => ("#555", 3.0),
        Some(5) => ("#777", 3.0),
        Some(_) => ("#999", 3.0),
        None => (COLOURS[which % COLOURS.len()], 1.5),
    }
}

struct Plot(String);

impl Plot {
    fn new(height: f64, title: &str) -> Self {
        let mut plot = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        ));
        plot.text((LEFT, 20.0), "start", title);
        plot
    }

    fn legend(&mut self, names: &[&str]) {
        let columns = names.len().div_ceil(2);
        let width = (WIDTH - LEFT) / columns as f64;
        for (which, name) in names.iter().enumerate() {
            let (row, column) = (which / columns, which % columns);
            let (left, y) = (LEFT + width * column as f64, 34.0 + 14.0 * row as f64);
            let (colour, thickness) = style(which, name);
            self.line([(left, y), (left + 14.0, y)], colour, thickness * 2.0);
            self.text((left + 18.0, y + 4.0), "start", name);
        }
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let _ = writeln!(
            self.0,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn tilted(&mut self, (x, y): (f64, f64), text: &str) {
        let _ = writeln!(
            self.0,
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-35)\" text-anchor=\"end\">{text}</text>"
        );
    }

    fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, colour: &str, width: f64) {
        let points = points.into_iter().fold(String::new(), |mut points, (x, y)| {
            let _ = write!(points, "{x:.1},{y:.1} ");
            points
        });
        let _ = writeln!(
            self.0,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"/>",
            points.trim_end()
        );
    }

    fn finish(mut self) -> String {
        self.0 += "</svg>\n";
        self.0
    }
}
