// Why CVAT's worker gives up on an uploaded file: the last line of Python's traceback, which the request shows.

export class ImportError extends Error {
  /** @param line without its line break, e.g. `zipfile.BadZipFile: File is not a zip file` */
  constructor(line: string) {
    super(`${line}\n`)
    this.name = 'ImportError'
  }
}
