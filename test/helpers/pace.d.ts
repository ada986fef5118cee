export function measurePace(): number;
export function scaled(ms: number, pace?: number): number;
