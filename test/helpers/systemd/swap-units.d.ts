export const SWAP_UNITS: readonly string[];

export function swapUnits(app: {
  name: string;
  port: number;
  wrapper: string;
  command: string;
  takesSockets?: boolean;
  lines?: readonly string[];
}): Map<string, string>;
