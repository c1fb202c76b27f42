export const templateDatabase = "signal_room_template";
