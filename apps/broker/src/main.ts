#!/usr/bin/env node
import { boundYoungGeneration } from './young-generation.js';

// Before anything else is loaded, which would let it grow.
boundYoungGeneration();
const { runCommand } = await import('./command.js');
process.exit(await runCommand());
