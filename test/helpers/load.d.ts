export interface Outcome {
  sent: number;
  refused: number;
  failed: number;
  /** ms */
  longest: number;
  answers: Map<string, number>;
  errors: Map<string, number>;
}

export function startLoad(wanted: { port: number; rate: number; keepAlive?: boolean }): {
  readonly outcome: Outcome;
  stop(): Promise<Outcome>;
};
