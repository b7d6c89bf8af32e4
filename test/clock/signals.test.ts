import { describe, expect, it } from "vitest";
import { estimateClockMap } from "../../src/clock/index.ts";
import { Correlator } from "../../src/clock/signals/correlate.ts";
import { Fourier } from "../../src/clock/signals/fourier.ts";
import { type Signal, type SignalLags, signalLags } from "../../src/clock/signals/index.ts";
import { AlignError } from "../../src/errors.ts";

/** Uniform numbers of a seed (mulberry32). */
function randomOf(seed: number) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, exponential: (mean: number) => -mean * Math.log(1 - uniform()) };
}

type Random = ReturnType<typeof randomOf>;

const START = 1_777_000_000_000_000_000n;
const at = (seconds: number) => START + BigInt(Math.round(seconds * 1e9));

/** When a valve changes, s of the plant's time. */
function valve(random: Random, end: number, mean = 40): number[] {
  const changes: number[] = [];
  for (let time = random.exponential(mean); time < end; time += 2 + random.exponential(mean))
    changes.push(time);
  return changes;
}

const stateAt = (changes: readonly number[], time: number) => {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low % 2;
};

/** Instants every `period`, with jitter and holes. */
function sampled(random: Random, period: number, end: number, jitter = 0.2, holes = 0): number[] {
  const times: number[] = [];
  for (let time = 0; time < end; time += period * (1 + jitter * (random.uniform() - 0.5))) {
    if (holes > 0 && random.uniform() < holes) time += random.exponential(20);
    times.push(time);
  }
  return times.filter((time) => time < end);
}

interface Truth {
  readonly offset: number;
  readonly ppm: number;
}

/** The plant's time of a camera's time, s since the start. */
const plantOf = ({ offset, ppm }: Truth, time: number) => time + offset + ppm * 1e-6 * time;

interface Scene {
  readonly seed: number;
  readonly hours?: number;
  readonly truth?: Truth;
  readonly noise?: number;
  readonly mean?: number;
}

/** Motion energy of a camera at 30 Hz and a valve's position at 2 Hz: the water is seen while the valve is open. */
function flow({ seed, hours = 2, truth = { offset: 17.3, ppm: 40 }, noise = 1, mean = 40 }: Scene) {
  const random = randomOf(seed);
  const end = hours * 3600;
  const changes = valve(random, end + 200, mean);
  const cameraTimes = sampled(random, 1 / 30, end, 0.3, 1e-5);
  const energy = cameraTimes.map(
    (time) =>
      3 +
      stateAt(changes, plantOf(truth, time)) +
      noise * random.normal() +
      (random.uniform() < 1e-4 ? 80 : 0),
  );
  const plantTimes = sampled(random, 0.5, end + 60, 0.1, 1e-4);
  return {
    truth,
    changes,
    motion: { times: BigInt64Array.from(cameraTimes, at), values: Float64Array.from(energy), isState: false },
    valve: {
      times: BigInt64Array.from(plantTimes, at),
      values: Float64Array.from(plantTimes, (time) => stateAt(changes, time)),
      isState: true,
    },
  } satisfies { truth: Truth; changes: number[]; motion: Signal; valve: Signal };
}

/** Errors of the marks, s, and their sigmas. */
function errorsOf(lags: ReturnType<typeof signalLags>, truth: Truth) {
  return Array.from(lags.from, (from, i) => {
    const time = Number(from - START) / 1e9;
    return {
      error: Number(lags.to[i]! - START) / 1e9 - plantOf(truth, time),
      sigma: Number(lags.uncertainty[i]!) / 1e9,
    };
  });
}

const seconds = (count: number) => BigInt(count) * 1_000_000_000n;

function codeOf(job: () => unknown): string {
  try {
    job();
  } catch (error) {
    if (error instanceof AlignError) return error.code;
    throw error;
  }
  return "found";
}

/** Every mark lies near its truth, and 2 sigma hold most of them. */
function expectTrue(lags: SignalLags, truth: Truth, worst: number, least = 1): number[] {
  const errors = errorsOf(lags, truth);
  expect(errors.length).toBeGreaterThanOrEqual(least);
  for (const { error } of errors) expect(Math.abs(error)).toBeLessThan(worst);
  return errors.map(({ error, sigma }) => error / sigma);
}

const share = (scores: readonly number[]) =>
  scores.filter((score) => Math.abs(score) < 2).length / scores.length;

/** A camera that sees a valve move, and the valve's switch, on change or polled. */
function bursts(
  { seed, hours = 1, truth = { offset: 17.3, ppm: 40 }, noise = 1, mean = 40 }: Scene,
  isHeld: boolean,
) {
  const random = randomOf(seed);
  const changes = valve(random, hours * 3600 + 200, mean);
  const isNear = (time: number) => changes.some((change) => Math.abs(time - change) < 0.75);
  const cameraTimes = sampled(random, 1 / 30, hours * 3600, 0.3, 1e-5);
  const energy = cameraTimes.map(
    (time) => 3 + (isNear(plantOf(truth, time)) ? 2 : 0) + noise * random.normal(),
  );
  const plantTimes = isHeld ? changes : sampled(random, 0.5, hours * 3600 + 60, 0.1, 1e-4);
  return {
    truth,
    motion: signal(cameraTimes, energy, false),
    valve: signal(
      plantTimes,
      plantTimes.map((time) => stateAt(changes, time)),
      true,
    ),
  };
}

/** Two noisy sensors of one wandering quantity. */
function analog({ seed, hours = 1, truth = { offset: 3.7, ppm: 80 }, noise = 0.3 }: Scene) {
  const random = randomOf(seed);
  const quantity = new Float64Array(hours * 3600 * 4 + 2000);
  for (let i = 1, [slow, fast] = [0, 0]; i < quantity.length; i++) {
    fast = 0.97 * fast + 0.24 * random.normal();
    slow = 0.995 * slow + 0.1 * fast;
    quantity[i] = 3 * slow;
  }
  const valueAt = (time: number) => {
    const place = (time + 200) * 4;
    const before = Math.floor(place);
    return quantity[before]! + (place - before) * (quantity[before + 1]! - quantity[before]!);
  };
  const [first, second] = [
    sampled(random, 0.2, hours * 3600, 0.4, 1e-4),
    sampled(random, 1, hours * 3600, 0.1, 1e-4),
  ];
  return {
    truth,
    first: signal(
      first,
      first.map((time) => valueAt(plantOf(truth, time)) + noise * random.normal()),
      false,
    ),
    second: signal(
      second,
      second.map((time) => 20 - 5 * valueAt(time) + noise * random.normal()),
      false,
    ),
  };
}

function signal(times: readonly number[], values: readonly number[], isState: boolean): Signal {
  return { times: BigInt64Array.from(times, at), values: Float64Array.from(values), isState };
}

describe("signalLags", () => {
  it("follows 17.3 s and 40 ppm between motion at 30 Hz and a valve at 2 Hz, with noise, glitches and holes", () => {
    const scores = [1, 2, 3].flatMap((seed) => {
      const { motion, valve, truth } = flow({ seed });
      return expectTrue(signalLags(motion, valve, seconds(120)), truth, 0.25, 8);
    });
    expect(share(scores)).toBeGreaterThan(0.85);
    expect(Math.max(...scores.map(Math.abs))).toBeLessThan(5);
  });

  it("gives marks that tell offset and drift", () => {
    const { motion, valve, truth } = flow({ seed: 5, hours: 3 });
    const { from, to, uncertainty } = signalLags(motion, valve, seconds(120));
    const map = estimateClockMap({ kind: "marks", from, to, uncertainty }, { model: "linear" });
    const times = BigInt64Array.from([0, 1, 2, 3], (hour) => at(hour * 3600));
    const sigmas = map.uncertainty(times);
    map.apply(times).forEach((time, hour) => {
      const error = Number(time - START) / 1e9 - plantOf(truth, hour * 3600);
      expect(Math.abs(error)).toBeLessThan(0.15);
      expect(Math.abs(error)).toBeLessThan((3 * sigmas[hour]!) / 1e9);
    });
  });

  it("sees a valve by its moving alone, polled or told on change", () => {
    for (const isHeld of [false, true]) {
      const { motion, valve, truth } = bursts({ seed: 7 }, isHeld);
      const lags = signalLags(motion, valve, seconds(120));
      expect(lags.features).toEqual(["level", "change"]);
      expectTrue(lags, truth, 0.3, 4);
    }
  });

  it("compares two switches, and two numbers of which one falls while the other rises", () => {
    const { valve: polled, truth } = flow({ seed: 8 });
    const told = flow({ seed: 8 }).changes;
    const camera = told
      .map((time) => (time - truth.offset) / (1 + truth.ppm * 1e-6))
      .filter((time) => time > 0 && time < 7200);
    const first = told.findIndex((time) => plantOf(truth, 0) < time);
    const lags = signalLags(
      signal(
        camera,
        camera.map((_, i) => (first + i + 1) % 2),
        true,
      ),
      polled,
      seconds(60),
    );
    expectTrue(lags, truth, 0.3, 8);
    const numbers = [1, 2, 3].flatMap((seed) => {
      const { first: one, second, truth: own } = analog({ seed });
      return expectTrue(signalLags(one, second, seconds(60)), own, 1, 4);
    });
    expect(share(numbers)).toBeGreaterThan(0.85);
  });

  it("gives the same whichever signal comes first, with the sign turned", () => {
    const { motion, valve, truth } = flow({ seed: 9, hours: 1 });
    const back = signalLags(valve, motion, seconds(120));
    const errors = Array.from(back.from, (from, i) => {
      const camera = Number(back.to[i]! - START) / 1e9;
      return Number(from - START) / 1e9 - plantOf(truth, camera);
    });
    expect(errors.length).toBeGreaterThan(2);
    for (const error of errors) expect(Math.abs(error)).toBeLessThan(0.25);
  });

  it("follows a clock that was set, and flags a stretch that fits elsewhere", () => {
    const { motion, valve } = flow({ seed: 1 });
    const half = at(3600);
    const set = motion.times.map((time) => (time > half ? time + seconds(9) : time));
    const lags = signalLags({ ...motion, times: set }, valve, seconds(120));
    const near = (offset: number) =>
      lags.chunks.filter(({ lagNs }) => Math.abs(Number(lagNs) / 1e9 - offset) < 0.5);
    expect(near(17.4).length).toBeGreaterThanOrEqual(4);
    expect(near(8.5).length).toBeGreaterThanOrEqual(4);
    // Ten minutes in which the camera saw something else that looks alike.
    const [low, high] = [at(3600), at(4400)];
    const other = flow({ seed: 1, truth: { offset: 60, ppm: 0 } }).motion;
    const inside = (time: bigint) => time >= low && time < high;
    const mixed = [
      ...Array.from(motion.times, (time, i) => ({ time, value: motion.values[i]! })).filter(
        ({ time }) => !inside(time),
      ),
      ...Array.from(other.times, (time, i) => ({ time, value: other.values[i]! })).filter(({ time }) =>
        inside(time),
      ),
    ].sort((a, b) => (a.time < b.time ? -1 : 1));
    const flagged = signalLags(
      {
        times: BigInt64Array.from(mixed, ({ time }) => time),
        values: Float64Array.from(mixed, ({ value }) => value),
        isState: false,
      },
      valve,
      seconds(120),
    );
    expect(flagged.chunks.filter(({ state }) => state !== "used").length).toBeGreaterThan(0);
    expectTrue(flagged, { offset: 17.3, ppm: 40 }, 0.4, 6);
  });

  it("says so where nothing fits, whatever the kind and the length", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const hours = [0.1, 0.2, 0.4][seed % 3]!;
      const [one, two] = [flow({ seed, hours, mean: 20 }), flow({ seed: seed + 500, hours, mean: 20 })];
      expect(codeOf(() => signalLags(one.motion, two.valve, seconds(60)))).toMatch(/^CLOCK_/);
      expect(codeOf(() => signalLags(one.valve, two.valve, seconds(60)))).toMatch(/^CLOCK_/);
      const [a, b] = [analog({ seed, hours }), analog({ seed: seed + 500, hours })];
      expect(codeOf(() => signalLags(a.first, b.second, seconds(60)))).toMatch(/^CLOCK_/);
    }
  });

  it("says so where signals repeat themselves", () => {
    for (const jitter of [0, 0.1]) {
      const random = randomOf(3);
      const changes: number[] = [];
      for (let time = 0; time < 3700; time += 15 + jitter * random.normal()) changes.push(time);
      const cameraTimes = sampled(random, 0.1, 3600);
      const plantTimes = sampled(random, 0.5, 3700);
      const motion = signal(
        cameraTimes,
        cameraTimes.map((time) => stateAt(changes, time + 4) + 0.5 * random.normal()),
        false,
      );
      const valve = signal(
        plantTimes,
        plantTimes.map((time) => stateAt(changes, time)),
        true,
      );
      expect(codeOf(() => signalLags(motion, valve, seconds(120)))).toMatch(/^CLOCK_(AMBIGUOUS_LAG|NO_LAG)$/);
    }
  });

  it("refuses a lag at the edge of the search, and beyond it", () => {
    const { motion, valve } = flow({ seed: 1, hours: 1 });
    expect(codeOf(() => signalLags(motion, valve, seconds(17)))).toBe("CLOCK_LAG_AT_EDGE");
    for (const most of [1, 3, 5, 8, 10, 12, 15])
      expect(codeOf(() => signalLags(motion, valve, seconds(most)))).toMatch(/^CLOCK_/);
    expect(codeOf(() => signalLags(motion, valve, seconds(25)))).toBe("found");
  });

  it("refuses signals that do not change, do not meet, or are empty", () => {
    const { motion, valve } = flow({ seed: 1, hours: 1 });
    const nothing = signal([], [], true);
    const still = { ...valve, values: new Float64Array(valve.values.length) };
    const later = { ...valve, times: valve.times.map((time) => time + seconds(86_400)) };
    const once = signal([0, 10, 20], [0, 1, 0], true);
    for (const other of [nothing, still, later, once]) {
      expect(codeOf(() => signalLags(motion, other, seconds(120)))).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
      expect(codeOf(() => signalLags(other, motion, seconds(120)))).toBe("CLOCK_TOO_LITTLE_EVIDENCE");
    }
  });

  it("moves with its signals, to the nanosecond", () => {
    const { motion, valve } = flow({ seed: 2, hours: 0.5 });
    const moved = (own: Signal) => ({
      ...own,
      times: own.times.map((time) => time + 987_654_321_987_654_321n),
    });
    const [one, other] = [
      signalLags(motion, valve, seconds(60)),
      signalLags(moved(motion), moved(valve), seconds(60)),
    ];
    expect(other.uncertainty).toEqual(one.uncertainty);
    expect(other.from).toEqual(one.from.map((time) => time + 987_654_321_987_654_321n));
  });
});

describe("Correlator", () => {
  it("is Pearson's correlation over what both know", () => {
    const random = randomOf(11);
    for (let round = 0; round < 30; round++) {
      const [short, long] = [5 + Math.floor(40 * random.uniform()), 60 + Math.floor(60 * random.uniform())];
      const series = (length: number) => {
        const known = Uint8Array.from({ length }, () => (random.uniform() < 0.9 ? 1 : 0));
        return { known, values: Float64Array.from(known, (one) => (one === 1 ? random.normal() : 0)) };
      };
      const [template, window] = [series(short), series(long)];
      const found = new Correlator(long).correlate(template, window);
      expect(found).toHaveLength(long - short + 1);
      found.forEach((value, lag) => {
        const pairs = [...template.values.keys()].filter(
          (i) => template.known[i] === 1 && window.known[i + lag] === 1,
        );
        const all = template.known.reduce((sum, one) => sum + one, 0);
        if (pairs.length < 3 || pairs.length < all / 2) expect(value).toBeNaN();
        else
          expect(value).toBeCloseTo(
            pearson(pairs.map((i) => [template.values[i]!, window.values[i + lag]!])),
            5,
          );
      });
    }
  });
});

function pearson(pairs: readonly (readonly [number, number])[]): number {
  const mean = (side: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  const [a, b] = [mean(0), mean(1)];
  const sum = (of: (x: number, y: number) => number) =>
    pairs.reduce((all, [x, y]) => all + of(x - a, y - b), 0);
  return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y));
}

describe("Fourier", () => {
  it("is the sum that it is said to be, and undoes itself", () => {
    const random = randomOf(12);
    for (const size of [2, 4, 8, 64, 256]) {
      const re = Float64Array.from({ length: size }, random.normal);
      const im = Float64Array.from({ length: size }, random.normal);
      const [foundRe, foundIm] = [re.slice(), im.slice()];
      const fourier = new Fourier(size);
      fourier.transform(foundRe, foundIm);
      for (let k = 0; k < size; k++) {
        let [sumRe, sumIm] = [0, 0];
        for (let j = 0; j < size; j++) {
          const angle = (-2 * Math.PI * j * k) / size;
          sumRe += re[j]! * Math.cos(angle) - im[j]! * Math.sin(angle);
          sumIm += re[j]! * Math.sin(angle) + im[j]! * Math.cos(angle);
        }
        expect(foundRe[k]).toBeCloseTo(sumRe, 9);
        expect(foundIm[k]).toBeCloseTo(sumIm, 9);
      }
      fourier.inverse(foundRe, foundIm);
      for (let i = 0; i < size; i++) {
        expect(foundRe[i]).toBeCloseTo(re[i]!, 12);
        expect(foundIm[i]).toBeCloseTo(im[i]!, 12);
      }
    }
  });
});
