import { expect, test } from 'vitest';
import { type Damageable, DamageBudget } from '../../lib/simulation/damage-budget.js';

function replicas(...damaged: (readonly number[] | 'lost')[]): Damageable[] {
  return damaged.map((slots, at) => ({
    id: at + 1,
    isLost: slots === 'lost',
    damagedSlots: slots === 'lost' ? [] : slots,
  }));
}

test('of each slot a minority of copies may be damaged, whoever holds them', () => {
  const three = replicas([], [5], []);
  const budget = new DamageBudget(three, 'minority');
  expect(budget.admits(three[0]!, [4, 6])).toBe(true);
  expect(budget.admits(three[0]!, [4, 5])).toBe(false);
  expect(budget.admits(three[1]!, [4, 5])).toBe(true);
  const five = replicas([], [5], [5, 6], [], []);
  expect(new DamageBudget(five, 'minority').admits(five[0]!, [6])).toBe(true);
  expect(new DamageBudget(five, 'minority').admits(five[0]!, [5])).toBe(false);
});

test('a lost store counts for every slot', () => {
  const three = replicas('lost', [], []);
  expect(new DamageBudget(three, 'minority').admits(three[1]!, [1])).toBe(false);
  expect(new DamageBudget(three, 'minority').admitsLoss(three[1]!)).toBe(false);
  const five = replicas('lost', [3], [], [], []);
  const budget = new DamageBudget(five, 'minority');
  expect(budget.admits(five[2]!, [4])).toBe(true);
  expect(budget.admits(five[2]!, [3])).toBe(false);
  expect(budget.admitsLoss(five[2]!)).toBe(false);
  expect(budget.admitsLoss(five[1]!)).toBe(true);
});

test('without the bound all copies may go, and still only a minority of the stores', () => {
  const three = replicas('lost', [5], [5]);
  const budget = new DamageBudget(three, 'any');
  expect(budget.admits(three[1]!, [5, 6])).toBe(true);
  expect(budget.admitsLoss(three[1]!)).toBe(false);
});
