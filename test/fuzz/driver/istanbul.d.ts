/** The package has no types of its own; this is the part of it that is used here. */
declare module 'istanbul-lib-instrument' {
  export interface Instrumenter {
    instrumentSync(code: string, filename: string): string;
  }
  export function createInstrumenter(options: { readonly esModules: boolean; readonly compact: boolean }): Instrumenter;
}
