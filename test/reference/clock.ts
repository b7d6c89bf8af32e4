/** The clock map with the drift term in float64, rounded half to even. */
export function mapAffineTwin(
  times: readonly bigint[],
  piece: { from: bigint; to: bigint; drift: number },
): bigint[] {
  return times.map((time) => {
    const d = time - piece.from;
    return BigInt.asIntN(64, piece.to + d + BigInt(roundHalfEven(Number(d) * piece.drift)));
  });
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest > 0.5 ? low + 1 : low;
}

/** A finite float64 as an exact fraction. */
export function fraction(x: number): { numerator: bigint; denominator: bigint } {
  let numerator = x;
  let denominator = 1n;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    denominator *= 2n;
  }
  return { numerator: BigInt(numerator), denominator };
}
