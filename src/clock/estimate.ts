import { AlignError } from "../errors.ts";
import { type Evidence, type Observations, readEvidence } from "./evidence.ts";
import { type Fit, fitConstant, fitLinear } from "./fit.ts";
import { ClockMap } from "./map.ts";
import { INT64_MAX, INT64_MIN } from "./piece.ts";
import { fitPiecewise } from "./piecewise.ts";
import { quantile } from "./statistics.ts";

const clockModels = ["auto", "constant", "linear", "piecewise"] as const;

/** The shape of the offset over time; `auto` takes a constant where the evidence allows nothing else. */
export type ClockModel = (typeof clockModels)[number];

/**
 * The clock map that the evidence supports.
 *
 * - `constant`: the inverse-variance weighted mean offset.
 * - `linear`: weighted least squares of the offset on the source's time; a constant counts at its centre.
 * - `piecewise`: exact at every mark, the offset straight between.
 *
 * Sigma follows from given uncertainties as they are, else from the scatter of the marks. Of marks at one or two
 * instants only, it grows by 20 ppm with the distance from the nearest: no fewer can show a drift.
 *
 * Throws `USAGE_EVIDENCE`, `USAGE_MODEL`, `CLOCK_TOO_LITTLE_EVIDENCE`, `CLOCK_UNSUPPORTED_EVIDENCE`,
 * `CLOCK_UNSUPPORTED_MODEL`, `CLOCK_UNCERTAINTY`, `CLOCK_UNORDERED_MARKS`, `CLOCK_CONTRADICTION`.
 */
export function estimateClockMap(
  evidence: Evidence | readonly Evidence[],
  options: { model?: ClockModel } = {},
): ClockMap {
  const observations = readEvidence(evidence);
  const { marks, constants, rejected } = observations;
  const { pieces, residualsNs } = fitModel(observations, options.model ?? "auto");
  const sizes = residualsNs.map(Math.abs);
  const segment = {
    start: marks[0]?.from ?? INT64_MIN,
    end: marks.at(-1)?.from ?? INT64_MAX,
    pairs: marks.length + constants.length + rejected,
    rejected,
    residualP50Ns: quantile(sizes, 0.5),
    residualP99Ns: quantile(sizes, 0.99),
    pieces,
  };
  return new ClockMap([segment], []);
}

function fitModel(observations: Observations, model: ClockModel): Fit {
  switch (model) {
    case "auto":
      if (observations.marks.length <= 1) return fitConstant(observations);
      throw new AlignError(
        "CLOCK_UNSUPPORTED_MODEL",
        `the model auto does not choose between shapes, and ${observations.marks.length} marks allow several`,
        { hint: "name the model: linear for a steady drift, piecewise to go through every mark" },
      );
    case "constant":
      return fitConstant(observations);
    case "linear":
      return fitLinear(observations);
    case "piecewise":
      return fitPiecewise(observations);
    default:
      throw new AlignError("USAGE_MODEL", `unknown clock model ${String(model)}`, {
        hint: `the models are ${clockModels.join(", ")}`,
      });
  }
}
