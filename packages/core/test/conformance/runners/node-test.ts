import { describe, it } from 'node:test';
import { tryUnder } from './try.ts';

tryUnder({ describe, it });
