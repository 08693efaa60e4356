/** The streams that clients follow, so that all of them can be ended when the supervisor goes. */
export class Streams {
  readonly #endings = new Set<() => void>();

  /** A stream whose client is told by `ended`. The returned function ends it by `stop` when the client goes. */
  add(stop: () => void, ended: () => void): () => void {
    this.#endings.add(ended);
    return () => {
      stop();
      this.#endings.delete(ended);
    };
  }

  end(): void {
    for (const ended of [...this.#endings]) ended();
  }
}
