import { DriverError, type Found, LargeKeys, type PartLimits } from '@ninefold/core';
import { expectInteger, found, isTooLarge, list } from './answers.ts';
import type { Commands, UpstashPipeline } from './client.ts';
import { type Ask, Gathering, halves, latest, MOST_HALVINGS } from './gathering.ts';

export interface Read {
  readonly key: string;
  readonly kind: 'get' | 'exists';
  readonly deadline: number;
}

/** Reads that go together. */
type Group = readonly Ask<Read, unknown>[];

/** Single reads: those of one tick are one request. Values known to be large are asked for alone. */
export class GatheredReads {
  readonly #commands: Commands;
  readonly #large = new LargeKeys();
  readonly #gathering: Gathering<Read, unknown>;

  /** `limits` are those of one request. */
  constructor(commands: Commands, limits: PartLimits<Ask<Read, unknown>>) {
    this.#commands = commands;
    this.#gathering = new Gathering(limits, (asks) => this.#send(asks));
  }

  async get(key: string, deadline: number): Promise<Found> {
    if (!this.#large.has(key)) return found(await this.#gathering.ask({ key, kind: 'get', deadline }));
    const [values] = await this.#commands.send((pipeline) => pipeline.mget([key]), deadline);
    const value = found(list(values, 1)[0]);
    this.#large.weigh(key, value);
    return value;
  }

  async exists(key: string, deadline: number): Promise<boolean> {
    return expectInteger(await this.#gathering.ask({ key, kind: 'exists', deadline })) === 1;
  }

  /** All that was asked for in one tick: one MGET, and an EXISTS each, in one request. */
  #send(asks: Group, halvings = MOST_HALVINGS): void {
    const gets = asks.filter(({ question }) => question.kind === 'get');
    const exists = asks.filter(({ question }) => question.kind === 'exists');
    void this.#sendGroups(
      [gets, ...exists.map((ask) => [ask])].filter(({ length }) => length > 0),
      halvings,
    );
  }

  /** Reads in one request, each group in one command. */
  async #sendGroups(groups: readonly Group[], halvings: number): Promise<void> {
    const build = (pipeline: UpstashPipeline): void => {
      for (const group of groups) addRead(pipeline, group);
    };
    try {
      const answers = await this.#commands.send(build, latest(groups.flat()));
      for (const [index, group] of groups.entries()) this.#settle(group, answers[index], halvings);
    } catch (error) {
      this.#fail(groups.flat(), error, halvings);
    }
  }

  #settle(group: Group, answer: unknown, halvings: number): void {
    if (group[0]?.question.kind === 'exists') {
      group[0].resolve(answer);
      return;
    }
    // A key that the token may not read fails those that it may; each is told for itself.
    if (group.length > 1 && answer instanceof DriverError && answer.code === 'AUTH') {
      void this.#sendGroups(
        group.map((ask) => [ask]),
        halvings,
      );
      return;
    }
    try {
      const values = list(answer, group.length);
      for (const [index, { question, resolve }] of group.entries()) {
        this.#large.weigh(question.key, values[index]);
        resolve(values[index]);
      }
    } catch (error) {
      this.#fail(group, error, halvings);
    }
  }

  /** Those that are too large together are asked for in halves. */
  #fail(asks: Group, error: unknown, halvings: number): void {
    if (halvings > 0 && asks.length > 1 && isTooLarge(error)) {
      for (const half of halves(asks)) this.#send(half, halvings - 1);
      return;
    }
    for (const { reject } of asks) reject(error);
  }
}

function addRead(pipeline: UpstashPipeline, group: Group): void {
  const keys = group.map(({ question }) => question.key);
  if (group[0]?.question.kind === 'get') pipeline.mget(keys);
  else pipeline.exists(keys[0] as string);
}
