/** A manifest that uses every part of the format. */
export const refinery = `version: 1
capture: refinery-3/gas-round-2026-05-04      # identity, appears in every output
description: Gas detection round, unit 3       # scene text, optional
reference_clock: plant

clocks:
  plant: {}
  headcam: {}
  historian: {}

maps:
  - from: headcam
    to: plant
    model: linear
    evidence:
      - { kind: constant,  offset: -180ms, uncertainty: 5ms }
      - { kind: marks,     path: marks.csv,  columns: { from: headcam_time, to: plant_time, uncertainty: sigma } }
  - from: historian
    to: plant
    evidence:
      - { kind: constant, offset: 180ms, uncertainty: 5ms }

sources:
  head:      { kind: video,  path: head.mp4, clock: headcam, start: 2026-05-04T07:12:31.25Z }
  wrist:     { kind: frames, path: wrist.csv, clock: headcam, columns: { time: device_ns }, time: { unit: ns } }
  historian: { kind: parquet, role: historian, path: "historian/*.parquet", clock: historian, shape: long,
               columns: { time: ts, tag: name, value: value, quality: status } }
  dcs:       { kind: csv, role: dcs, path: dcs.csv, clock: plant, shape: wide, columns: { time: ts } }
  mes:       { kind: csv, role: mes, path: steps.csv, clock: plant, shape: intervals,
               columns: { start: started, end: stopped }, time: { zone: Europe/Berlin, ambiguous: earlier } }
  alarms:    { kind: sql, role: scada, clock: plant, shape: events, columns: { time: at },
               query: "select at, name, severity from read_json('alarms.jsonl')" }

frames: head

tags:
  reactor_temperature: { source: historian, tag: TI-3107.PV, unit: degC, join: linear, max_gap: 30s }
  feed_valve_open:     { source: dcs, tag: XV-3102.ZSO, type: boolean, join: backward, tolerance: unlimited, stale_after: 30s, role: action }
  production_order:    { source: mes, tag: order_no, join: covering }
  sop_step:            { source: mes, tag: step, join: covering }
  alarms_raised:       { source: alarms, tag: name, join: window, window: { span: frame, aggregate: count } }
  wrist_frame:         { source: wrist, tag: frame_index, join: nearest, tolerance: 20ms }

require:
  coverage: 0.99
  clock_uncertainty: 20ms

outputs:
  - { kind: parquet, path: aligned.parquet }
`;
