export { type Faults, NoFaults, OneFault, type Outcome, SeededFaults } from './simulated/faults.js';
export { SimulatedDatabase } from './simulated/simulated-database.js';
export { SimulatedCrash, SimulatedLogStore } from './simulated/simulated-log-store.js';
