/** Parts of a catalogue, as vite.config.ts makes them: `en.json?words=track,site_kind`. */
declare module "*?words=track,track_step,track_deed,track_did,track_parcel,track_why,track_slot,track_return,return_reason,time" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=find,in_store,time" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=h,say,fact,choice,kind,start,look,button" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=thing,standing,stock_state,place,known" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=lock" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=trial" {
  const words: Record<string, string>;
  export default words;
}
declare module "*?words=problem,exception,care,disposition" {
  const words: Record<string, string>;
  export default words;
}
