// breaks: no-source-to-test
import { fixture } from '../test/fixture.js';

export const seen: string = fixture;
