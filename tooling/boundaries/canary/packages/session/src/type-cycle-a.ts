// breaks:
import { type B } from './type-cycle-b.js';

export interface A {
  readonly b: B;
}
