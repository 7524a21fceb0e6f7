import type { Campaign } from './campaign.js';
export const clientsCampaign: Campaign = async () => {};
