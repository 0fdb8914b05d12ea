// breaks:
import { type A } from './type-cycle-a.js';

export interface B {
  readonly a: A;
}
