import type { Kind } from './kinds.ts';

/** A value that could not come back equal. The message is its path and what stands there, and quotes no value. */
export class ValueError extends Error {
  override get name(): string {
    return 'ValueError';
  }
}

/** A container, and the key in it that leads on: of a Map or a Set the number of a row, whose keys are 0 and 1. */
export interface Step {
  readonly kind: Kind;
  key: string | number;
}

/** Steps of a path, and UTF-16 units of a step, that an error shows. */
const STEPS_SHOWN = 16;
const STEP_SHOWN = 64;

/** `$.items[3]<value 0>`, for an error. */
export function pathOf(steps: readonly Step[]): string {
  const shown = steps.slice(0, STEPS_SHOWN).map(({ kind, key }, at) => {
    if (kind === 'Map') return `<${steps[at + 1]?.key === 0 ? 'key' : 'value'} ${key}>`;
    if (kind === 'Set') return `<item ${key}>`;
    // Which of the two of a row has just been said.
    if (kind === 'Array') return steps[at - 1]?.kind === 'Map' ? '' : `[${key}]`;
    const name = String(key);
    if (/^[A-Za-z_$][\w$]{0,63}$/.test(name)) return `.${name}`;
    return `[${JSON.stringify(name.length > STEP_SHOWN ? `${name.slice(0, STEP_SHOWN)}…` : name)}]`;
  });
  return `$${shown.join('')}${steps.length > STEPS_SHOWN ? '…' : ''}`;
}
