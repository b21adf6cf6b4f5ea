// Names and sizes of a task's frames, the same wherever the server tells of them.

export function frameName(frame: number): string {
  return `img_${frame}.jpg`
}

/** Width and height that the server tells of a frame: made up, always the same for one frame. */
export function frameSize(seed: number, frame: number): { width: number; height: number } {
  return { width: 76 + ((seed * 31 + frame * 17) % 116), height: 57 + ((seed * 13 + frame * 29) % 103) }
}
