// What is answered instead: a refusal with a sentence, or nothing.

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly sentence: string,
  ) {
    super(sentence)
  }
}

/** Nothing came back: the service, or the way to it, is away. */
export class Away extends Error {}

export const sentenceOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
