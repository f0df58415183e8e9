/** The package has no types of its own; this is the part of it that is used here. */
declare module 'autocannon' {
  interface Options {
    readonly url: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly connections: number;
    readonly amount: number;
  }

  interface Result {
    readonly '2xx': number;
    readonly non2xx: number;
    readonly errors: number;
    readonly timeouts: number;
  }

  function autocannon(options: Options): Promise<Result>;

  export { autocannon as default };
}
