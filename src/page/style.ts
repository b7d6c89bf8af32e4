/** Rules of the page beside those of uPlot. Charts have fixed heights, so that nothing moves when they are drawn. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1b1f24; --muted: #59636e; --grid: #d9dee4; --map: #0b62d6; --band: rgba(11, 98, 214, 0.16);
  --bound: #7a8490; --used: #5f6b78; --rejected: #c4320a; --stale: #8a3ffc; --event: #9a5b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --ink: #e8ecf1; --muted: #a2acb8; --grid: #333a43; --map: #6cb0ff; --band: rgba(108, 176, 255, 0.22);
    --bound: #87929e; --used: #a9b4c0; --rejected: #ff7a52; --stale: #c39bff; --event: #f0b429;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 80rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.25rem; padding-top: 1rem; border-top: 1px solid var(--grid); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
p { margin: 0.25rem 0; }
.muted, figcaption, caption { color: var(--muted); font-size: 0.9rem; }
figure { margin: 0.75rem 0 0; }
[data-chart] { height: 20rem; }
[data-chart="residual"] { height: 13rem; }
.u-over { touch-action: pan-y; }
.u-select { background: var(--band); }
.keys { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0.5rem 0 0; padding: 0; list-style: none; font-size: 0.9rem; }
.keys li { display: flex; align-items: center; gap: 0.4rem; }
.keys svg { width: 1.25rem; height: 1rem; flex: none; }
.map { stroke: var(--map); fill: none; stroke-width: 2; }
.band { fill: var(--band); }
.bound { stroke: var(--bound); fill: none; stroke-dasharray: 4 3; }
.used { fill: var(--used); }
.rejected { stroke: var(--rejected); fill: none; stroke-width: 1.5; }
.stale { stroke: var(--stale); fill: none; stroke-width: 1.5; }
.event { stroke: var(--event); fill: none; stroke-width: 1.5; stroke-dasharray: 4 3; }
.readout {
  display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.25rem 1rem; margin: 0.5rem 0;
  font-size: 0.9rem; font-variant-numeric: tabular-nums;
}
.readout div { min-height: 3rem; }
.readout dt { color: var(--muted); line-height: 1.5rem; }
.readout dd { margin: 0; line-height: 1.5rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.readout .wide { grid-column: 1 / -1; }
@media (min-width: 50rem) {
  .readout { grid-template-columns: 2fr repeat(5, 1fr); }
  .readout .wide { grid-column: auto; }
}
button {
  font: inherit; font-size: 0.9rem; min-height: 2.5rem; padding: 0 0.9rem; color: var(--ink);
  background: transparent; border: 1px solid var(--muted); border-radius: 0.4rem; cursor: pointer;
}
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; padding-bottom: 0.25rem; }
th, td { padding: 0.2rem 0.7rem 0.2rem 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th { font-weight: 600; }
.right { text-align: right; }
.wrapped { white-space: normal; min-width: 9rem; }
summary { cursor: pointer; min-height: 2rem; }
`;
