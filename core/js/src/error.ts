// One error class for everything that the core refuses or cannot do.

export class PannierError extends Error {
  override readonly name = "PannierError";
  constructor(
    /** stable; see docs/errors.md */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** What the wasm module threw, as this class; anything else as `core_failed`. */
  static from(thrown: unknown): PannierError {
    if (thrown instanceof PannierError) return thrown;
    if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" && thrown.name === "PannierError") {
      return new PannierError(thrown.code, thrown.message);
    }
    return new PannierError("core_failed", thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
  }
}
