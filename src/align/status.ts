/** OPC UA StatusCodes that alignment gives (OPC 10000-4, 7.39; info bits of OPC 10000-11). */
export const Status = {
  good: 0x0000_0000,
  /** UncertainLastUsableValue. */
  lastUsable: 0x4090_0000,
  /** BadNoData. */
  noData: 0x809b_0000,
} as const;

/** 0 good, 1 uncertain, 2 or 3 bad. */
export function severity(status: number): number {
  return status >>> 30;
}

export function isBad(status: number): boolean {
  return severity(status) >= 2;
}
