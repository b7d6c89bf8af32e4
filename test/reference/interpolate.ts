export interface TwinSample {
  time: bigint;
  value: number;
  valid: boolean;
}

export interface TwinLinearOptions {
  maxGap?: bigint | undefined;
  hold?: boolean | undefined;
  holdTolerance?: bigint | undefined;
}

/** Linear interpolation by its definition; null where there is no value. Sample times are distinct. */
export function linearTwin(
  frames: readonly bigint[],
  samples: readonly TwinSample[],
  options: TwinLinearOptions,
): (number | null)[] {
  return frames.map((frame) => {
    const exact = samples.find((sample) => sample.time === frame);
    if (exact !== undefined) return exact.valid ? exact.value : null;
    const before = samples.findLast((sample) => sample.time < frame);
    const after = samples.find((sample) => sample.time > frame);
    if (before === undefined || after === undefined) return held(frame, before ?? after, options);
    const gap = after.time - before.time;
    if (!before.valid || !after.valid || gap > (options.maxGap ?? gap)) return null;
    const weight = Number(frame - before.time) / Number(gap);
    return before.value + weight * (after.value - before.value);
  });
}

function held(frame: bigint, edge: TwinSample | undefined, options: TwinLinearOptions): number | null {
  if (edge === undefined || !edge.valid || options.hold !== true) return null;
  const distance = edge.time > frame ? edge.time - frame : frame - edge.time;
  return distance > (options.holdTolerance ?? distance) ? null : edge.value;
}

/** Whether a frame would have a value if null samples had one; a null sample at an end holds nothing. */
export function lineTwin(
  frames: readonly bigint[],
  samples: readonly TwinSample[],
  options: TwinLinearOptions,
): boolean[] {
  const good = samples.map((sample) => ({ ...sample, valid: true }));
  const inner = linearTwin(frames, good, { ...options, hold: false });
  const outer = linearTwin(frames, samples, options);
  return inner.map((value, i) => value !== null || outer[i] !== null);
}
