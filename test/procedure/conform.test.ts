import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Conformance,
  conform,
  type Procedure,
  type ProcedureStep,
  parseProcedure,
  type StepRun,
} from "../../src/procedure/index.ts";
import { leastDeviations } from "./brute-force.ts";

const path = "procedure.yaml";

/** One run for each id, ten frames each. */
const runsOf = (ids: readonly (string | null)[]): StepRun[] =>
  ids.map((step, at) => ({ step, startFrame: at * 10, endFrame: at * 10 + 10 }));

const counts = ({ deviations }: Conformance) => {
  const count = (...kinds: string[]) => deviations.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    unknown: count("unknown"),
    forbidden: count("forbidden"),
    misplaced: count("repeated", "out-of-order"),
    skipped: count("skipped"),
  };
};

describe("conform", () => {
  const round = parseProcedure(
    `procedure: gas-round
steps:
  - { id: badge_in, text: Badge in, optional: true }
  - { id: test_gas, text: Test the gas, repeatable: true }
  - { id: open_valve, text: Open the valve, forbidden_before: [test_gas] }
  - { id: read_gauge, text: Read the gauge, group: readings }
  - { id: read_level, text: Read the level, group: readings }
  - { id: close_valve, text: Close the valve, max: 30s }
`,
    { path },
  );
  const told = (ids: readonly (string | null)[]) => {
    const { result, deviations, missing } = conform(round, runsOf(ids));
    return { result, missing, deviations: deviations.map((one) => [one.kind, one.frame, one.message]) };
  };

  it("lets pass what the procedure permits", () => {
    for (const ids of [
      ["badge_in", "test_gas", "open_valve", "read_gauge", "read_level", "close_valve"],
      ["test_gas", "open_valve", "read_level", "read_gauge", "close_valve"],
      [
        null,
        "test_gas",
        null,
        "open_valve",
        "test_gas",
        "read_gauge",
        "read_level",
        "test_gas",
        "close_valve",
      ],
    ])
      expect(told(ids)).toEqual({ result: "followed", deviations: [], missing: [] });
  });

  it("tells what has not been done yet from what was left out", () => {
    expect(told(["test_gas", "open_valve", "read_level"])).toEqual({
      result: "incomplete",
      deviations: [],
      missing: ["read_gauge", "close_valve"],
    });
    expect(told(["test_gas", "open_valve", "read_level", "close_valve"])).toEqual({
      result: "deviated",
      deviations: [["skipped", 30, 'step "read_gauge" was left out before "close_valve"']],
      missing: ["read_gauge"],
    });
    expect(told([])).toMatchObject({ result: "incomplete", deviations: [] });
  });

  it("calls a step forbidden that comes before what it must not, whatever its place in the order", () => {
    expect(told(["open_valve", "test_gas", "read_gauge", "read_level", "close_valve"])).toEqual({
      result: "deviated",
      deviations: [["forbidden", 0, 'step "open_valve" came before "test_gas", where it is forbidden']],
      missing: [],
    });
    const again = told(["open_valve", "test_gas", "open_valve", "read_gauge", "read_level", "close_valve"]);
    expect(again.deviations.map(([kind, frame]) => [kind, frame])).toEqual([["forbidden", 0]]);
  });

  it("names the step that came too early, too late, again or from elsewhere", () => {
    expect(told(["test_gas", "open_valve", "close_valve", "read_gauge", "read_level"])).toMatchObject({
      deviations: [["out-of-order", 20, 'step "close_valve" came before "read_gauge"']],
    });
    expect(told(["test_gas", "read_gauge", "read_level", "open_valve", "close_valve"])).toMatchObject({
      deviations: [["out-of-order", 30, 'step "open_valve" came after "read_gauge"']],
    });
    expect(
      told(["test_gas", "open_valve", "read_gauge", "read_level", "read_gauge", "close_valve"]),
    ).toMatchObject({ deviations: [["repeated", 40, 'step "read_gauge" was done again']] });
    expect(
      told(["test_gas", "smoke", "open_valve", "read_gauge", "read_level", "close_valve"]),
    ).toMatchObject({ deviations: [["unknown", 10, '"smoke" is no step of the procedure']] });
  });

  it("tells of several in the order of their frames", () => {
    const ids = ["test_gas", "open_valve", "read_gauge", "read_gauge", "smoke", "close_valve"];
    expect(told(ids).deviations.map(([kind, frame]) => [kind, frame])).toEqual([
      ["repeated", 30],
      ["unknown", 40],
      ["skipped", 50],
    ]);
  });

  it("blames a step that was done too early once, not its second and proper time", () => {
    const ids = ["test_gas", "close_valve", "open_valve", "read_gauge", "read_level", "close_valve"];
    expect(told(ids).deviations).toEqual([
      ["out-of-order", 10, 'step "close_valve" came before "open_valve"'],
    ]);
  });

  it("holds the first pass of a loop against the order, and each pass where every one is an episode", () => {
    const steps = (more: string) =>
      parseProcedure(
        `procedure: stations
steps:
  - { id: arrive, text: Go to the station${more} }
  - { id: sniff,  text: Test the air${more} }
  - { id: record, text: Write it down${more} }
  - { id: leave,  text: Leave the unit, optional: true }
`,
        { path },
      );
    const loop = steps(", repeatable: true");
    const pass = ["arrive", "sniff", "record"];
    const short = ["arrive", "record"];
    for (const ids of [[...pass, ...pass, ...pass, "leave"], [...pass, ...short], pass])
      expect(conform(loop, runsOf(ids))).toMatchObject({ result: "followed", deviations: [], missing: [] });
    expect(conform(loop, runsOf([...short, ...pass])).deviations).toMatchObject([
      { kind: "out-of-order", step: "record", frame: 10, message: 'step "record" came before "sniff"' },
    ]);
    const single = steps("");
    expect(conform(single, runsOf(pass)).result).toBe("followed");
    expect(conform(single, runsOf(short)).deviations).toMatchObject([{ kind: "skipped", step: "sniff" }]);
    expect(conform(single, runsOf([...pass, ...pass])).deviations.map(({ kind }) => kind)).toEqual([
      "repeated",
      "repeated",
      "repeated",
    ]);
  });

  it("tells a step that took too long", () => {
    const runs = runsOf(["test_gas", "open_valve", "read_gauge", "read_level", "close_valve"]);
    const lasting = (lastedNs: bigint) => conform(round, [...runs.slice(0, 4), { ...runs[4]!, lastedNs }]);
    expect(lasting(30_000_000_000n).result).toBe("followed");
    expect(lasting(31_500_000_999n)).toMatchObject({
      result: "deviated",
      deviations: [
        {
          kind: "too-long",
          step: "close_valve",
          frame: 40,
          message: 'step "close_valve" took 31.5s, longer than 30s',
        },
      ],
    });
  });
});

/** A procedure of up to six steps, a to f. */
const procedures: fc.Arbitrary<Procedure> = fc
  .array(
    fc.record({
      isOptional: fc.boolean(),
      isRepeatable: fc.boolean(),
      isGrouped: fc.boolean(),
      before: fc.array(fc.nat(5), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((drafts) => {
    let group = 0;
    const steps = drafts.map(({ isOptional, isRepeatable, isGrouped, before }, at): ProcedureStep => {
      if (!isGrouped) group += 1;
      return {
        id: "abcdef"[at]!,
        text: "",
        isOptional,
        isRepeatable,
        ...(isGrouped ? { group: `g${group}` } : {}),
        forbiddenBefore: [...new Set(before)].filter((other) => other < at).map((other) => "abcdef"[other]!),
      };
    });
    return { procedure: "p", steps };
  });

/** A procedure, and an execution as it permits: groups in any order, optional steps left out, others repeated. */
const executions = procedures.chain((procedure) =>
  fc.infiniteStream(fc.nat(1_000_000)).map((numbers) => {
    const pick = (below: number) => (numbers.next().value as number) % below;
    const { steps } = procedure;
    const leftOut = (step: ProcedureStep): boolean =>
      step.isOptional && pick(2) === 0 && !steps.some((other) => other.forbiddenBefore.includes(step.id));
    const waiting = steps.filter((step) => !leftOut(step));
    const done: string[] = [];
    while (waiting.length > 0) {
      const { group } = waiting[0]!;
      const next = waiting.filter(
        (step) =>
          (step === waiting[0] || (group !== undefined && step.group === group)) &&
          step.forbiddenBefore.every((other) => done.includes(other)),
      );
      const [step] = waiting.splice(waiting.indexOf(next[pick(next.length)]!), 1);
      done.push(step!.id);
      const again = steps.filter(({ id, isRepeatable }) => isRepeatable && done.includes(id));
      if (again.length > 0 && pick(3) === 0) done.push(again[pick(again.length)]!.id);
    }
    return { procedure, done };
  }),
);

const ids = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "x"), { maxLength: 9 });

describe("any procedure", () => {
  it("is explained as brute force does, each happening once", () => {
    fc.assert(
      fc.property(procedures, ids, (procedure, done) => {
        const runs = runsOf(done);
        const found = conform(procedure, runs);
        expect(counts(found)).toEqual(leastDeviations(procedure, runs));
        const happenings = found.deviations.filter(({ kind }) => kind !== "skipped");
        expect(new Set(happenings.map(({ frame }) => frame)).size).toBe(happenings.length);
        for (const { step, frame } of happenings) expect(done[frame / 10]).toBe(step);
      }),
      { numRuns: 2000 },
    );
  });

  it("is followed by whatever it permits", () => {
    fc.assert(
      fc.property(executions, ({ procedure, done }) => {
        expect(conform(procedure, runsOf(done))).toMatchObject({ result: "followed", deviations: [] });
      }),
      { numRuns: 500 },
    );
  });

  it("is incomplete, never deviated, while it is under way", () => {
    fc.assert(
      fc.property(executions, fc.nat(), ({ procedure, done }, cut) => {
        const part = done.slice(0, cut % (done.length + 1));
        const { result, missing, deviations } = conform(procedure, runsOf(part));
        const open = procedure.steps.filter(({ id, isOptional }) => !isOptional && !part.includes(id));
        expect(deviations).toEqual([]);
        expect(missing).toEqual(open.map(({ id }) => id));
        expect(result).toBe(open.length > 0 ? "incomplete" : "followed");
      }),
      { numRuns: 500 },
    );
  });

  /** A strict procedure: nothing is permitted but its order. */
  const strict = fc.integer({ min: 2, max: 6 }).map((count): Procedure => {
    const steps = [..."abcdef"].slice(0, count).map(
      (id): ProcedureStep => ({
        id,
        text: "",
        isOptional: false,
        isRepeatable: false,
        forbiddenBefore: [],
      }),
    );
    return { procedure: "p", steps };
  });
  const found = (procedure: Procedure, done: readonly string[]) =>
    conform(procedure, runsOf(done)).deviations.map(({ kind, step }) => `${kind} ${step}`);

  it("shows one mistake as one deviation that names the step", () => {
    fc.assert(
      fc.property(strict, fc.nat(), fc.nat(), (procedure, one, two) => {
        const all = procedure.steps.map(({ id }) => id);
        const at = one % (all.length - 1);
        const step = all[at]!;
        expect(found(procedure, all.toSpliced(at, 1))).toEqual([`skipped ${step}`]);
        const swapped = all.toSpliced(at, 2, all[at + 1]!, step);
        expect(found(procedure, swapped)).toEqual([`out-of-order ${all[at + 1]}`]);
        const late = at + 1 + (two % (all.length - at));
        expect(found(procedure, all.toSpliced(late, 0, step))).toEqual([`repeated ${step}`]);
        const early = two % (at + 1);
        const kind = early === at ? "repeated" : "out-of-order";
        expect(found(procedure, all.toSpliced(early, 0, step))).toEqual([`${kind} ${step}`]);
        expect(found(procedure, all.toSpliced(late, 0, "x"))).toEqual(["unknown x"]);
      }),
    );
  });

  it("takes a step signal that flutters", () => {
    const steps = [..."abcdef"].map(
      (id): ProcedureStep => ({
        id,
        text: "",
        isOptional: false,
        isRepeatable: false,
        group: "any",
        forbiddenBefore: [],
      }),
    );
    const done = Array.from({ length: 300_000 }, (_, at) => "abcde"[(at * 7) % 5]!);
    const { deviations, missing } = conform({ procedure: "p", steps }, runsOf([...done, "f"]));
    expect(missing).toEqual([]);
    expect(deviations).toHaveLength(300_000 - 5);
  });
});
