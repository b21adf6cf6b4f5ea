// What a task is entered as in a run when a snapshot asks for it once more.

/** The first round is the series itself: a task that the run has listed anyway is not entered twice. */
export function nameRound(series: string, round: number): string {
  return round > 1 ? `${series}~${round}` : series
}
