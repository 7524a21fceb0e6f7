/** The types of ../dist/simulation/simulation.js for CommonJS. */
import type * as simulation from '../dist/simulation/simulation.js' with { 'resolution-mode': 'import' };

export declare const simulate: typeof simulation.simulate;
export type Counters = simulation.Counters;
export type DamageBound = simulation.DamageBound;
export type FaultRates = simulation.FaultRates;
export type SimulatedBackend = simulation.SimulatedBackend;
export type SimulatedViolation = simulation.SimulatedViolation;
export type SimulationOptions = simulation.SimulationOptions;
export type SimulationReport = simulation.SimulationReport;
