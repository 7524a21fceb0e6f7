import type { Campaign } from './campaign.js';
export const lapsCampaign: Campaign = async () => {};
