//! The trainer: labelled media in, one `model.safetensors` out.
//!
//! | stage | module | out |
//! |---|---|---|
//! | recordings to MP3 streams | [`data`] | streams of every clip in several variants, cached |
//! | streams to rows | [`rows`] | what the model reads of each block |
//! | scales and sizes | [`measure`] | L, T, mean and deviation of every number |
//! | rows to batches | [`batch`] | order, crops, block CutMix, block drop |
//! | hide values | [`mask`] | rows of which the encoder sees a part |
//! | distil | [`teacher`] | a larger model's answers to the same clips |
//! | forward | [`loss`] | losses of one batch |
//! | backward | [`step`] | its gradients, on several threads |
//! | update | [`optim`] | AdamW, schedule, clipping |
//! | the loop | [`fit`] | a trained model, resumable at any step |
//! | accuracy | [`eval`], [`ranking`] | confusion matrix, or mAP, AUC and d', with the runtime's windows |
//! | what it took | [`outcome`] | accuracy, time, parameters, products, bytes read |
//! | many runs | [`sweep`] | a table of configurations over folds and seeds |
//! | for people | [`report`], [`tensorboard`] | an HTML page, event files |
#![deny(unsafe_code)]

pub mod batch;
pub mod bytes_read;
pub mod cli;
pub mod data;
pub mod eval;
mod file;
pub mod fit;
pub mod loss;
pub mod mask;
pub mod measure;
pub mod optim;
pub mod outcome;
pub mod predictions;
pub mod ranking;
pub mod report;
pub mod rows;
pub mod state;
pub mod step;
pub mod sweep;
pub mod teacher;
pub mod tensorboard;
pub mod truth;
