// One error class for everything that the core refuses or cannot do.

/**
 * Every refusal and failure: a stable `code` (docs/errors.md), a message for developers, and what the sentence for a
 * person names: `errorText` of `pannier/texts` makes it.
 * @example
 * try {
 *   await pannier.record({ kind: "arrive", stop });
 * } catch (error) {
 *   if (error instanceof PannierError && error.code === "already_arrived") return;
 *   throw error;
 * }
 */
export class PannierError extends Error {
  override readonly name = "PannierError";
  constructor(
    /** stable; see docs/errors.md */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
    /** what the sentence for a person names */
    readonly values: Readonly<Record<string, unknown>> = {},
  ) {
    super(message, options);
  }

  /** What the wasm module threw, as this class; anything else as `core_failed`. */
  static from(thrown: unknown): PannierError {
    if (thrown instanceof PannierError) return thrown;
    if (typeof thrown === "string" && thrown.startsWith('{"code":')) {
      const { code, message, values } = JSON.parse(thrown) as { code: string; message: string; values?: Record<string, unknown> };
      return new PannierError(code, message, undefined, values);
    }
    return new PannierError("core_failed", thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
  }
}
